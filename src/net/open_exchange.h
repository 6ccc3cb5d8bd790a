#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "net/open_answer.h"
#include "net/stream.h"
#include "net/transport.h"

namespace latchkey {

// One request and its answer's head on a stream, its body when asked for. Private to the room.

/// Takes a stream back that stands right before the next answer.
using GiveBack = std::function<void(std::unique_ptr<Stream>)>;

/// Writes `head` and `body` (null: none) and reads the head of the answer.
///
/// clock, limits  outlive the answer, as does what `give_back` holds
/// errors         as those of exchange(); the stream is then gone
Task<std::unique_ptr<OpenAnswer>> open_exchange(std::unique_ptr<Stream> stream, Clock& clock,
                                                const TransportLimits& limits, std::string head,
                                                std::shared_ptr<const std::string> body,
                                                GiveBack give_back, Deadline by);

}  // namespace latchkey
