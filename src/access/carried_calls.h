#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>

#include "access/carrier.h"

namespace latchkey {

/// A call that another one carries, or does the same as.
struct CarriedCall {
    std::string method;
    std::string target;     ///< path and query as they stand there: nobody has looked at them yet
    bool carries = false;   ///< does what the calls behind it in the list do, and nothing else
    std::size_t place = 0;  ///< which of the calls or records in the body it stands for, from 1
};

/// Longest body that is read, how many calls may be in it, and how long their targets may be all
/// together. Salesforce's own bounds are 500 calls in a graph, 200 records that are written, five times
/// as many within a composite, and 2,000 that are read.
inline constexpr std::size_t most_carried_bytes = 1024 * 1024;
inline constexpr std::size_t most_carried_calls = 2000;
inline constexpr std::size_t most_carried_targets = 256 * 1024;

/// What a call of a carrier does, as the calls that do the same. Whatever could be read in two ways is
/// refused: a member twice or in another case, one that is not known beside those that count, a
/// reference in a URL to anything but the id of a record that an earlier call makes or reads.
///
/// method  as `sole_method` gives it
/// body    JSON as UTF-8, without framing; empty where the query says it all
/// errors  bad_input  composite_unreadable
Result<std::vector<CarriedCall>> carried_calls(const Carrier& carrier, std::string_view method,
                                               std::string_view query, std::string_view body);

/// For what cannot be tried on a key's rules. errors-code composite_unreadable
Error composite_unreadable(std::string why);

}  // namespace latchkey
