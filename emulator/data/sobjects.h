#pragma once

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// Everything below sobjects: the list, one object, its describe, records by id and by external id.
Reply answer_sobjects(const Call& call, Org& org);

}  // namespace latchkey::emulator::rest
