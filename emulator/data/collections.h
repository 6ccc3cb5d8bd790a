#pragma once

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// Everything below composite/sobjects: up to 200 records created, changed, upserted or deleted in
/// one call, up to 2,000 read. With allOrNone one refused record takes the others back.
/// source  REST API Developer Guide, "Use sObject Collections"
Reply answer_collections(const Call& call, Org& org);

}  // namespace latchkey::emulator::rest
