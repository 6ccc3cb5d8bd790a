#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <latchkey/secret.h>

namespace latchkey::bench {

struct Drive {
    std::vector<std::string> nodes;  ///< "127.0.0.1:PORT"
    Secret key;
    std::vector<std::string> connections;
    std::size_t callers = 128;  ///< of each node, each with a connection of its own
    std::string prefix = "/v1/connections/";
    std::string suffix = "/token";
};

/// Every caller asks its node for one connection's token after another, each node in an order of
/// its own, until every node has been asked for every connection. What is refused for now (429, 503)
/// is asked for again after all others. Prints one JSON object: seconds, answers by status, and
/// percentiles of how long an answer took.
/// returns false if an answer was neither 200, 429 nor 503, or a caller could not go on
bool drive_each(const Drive& what);

/// All callers connect first; then each asks once, all at the same moment, for the first connection.
bool drive_hot(const Drive& what);

}  // namespace latchkey::bench
