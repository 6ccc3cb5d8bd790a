#pragma once

#include <functional>

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// Answers one request of the same caller at the same time. It is not counted: the whole call is one
/// request of the day's allowance.
using AnswerPart = std::function<Reply(const ServedRequest&)>;

/// POST composite: up to 25 requests in one, later ones with values out of earlier answers
/// ("@{reference.id}").
/// source  REST API Developer Guide, "Composite"
Reply answer_composite(const Call& call, Org& org, const AnswerPart& answer);

/// POST composite/batch: up to 25 requests that know nothing of each other.
/// source  REST API Developer Guide, "Composite Batch"
Reply answer_composite_batch(const Call& call, const AnswerPart& answer);

}  // namespace latchkey::emulator::rest
