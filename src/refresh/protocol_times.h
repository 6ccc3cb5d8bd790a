#pragma once

#include <chrono>

namespace latchkey {

/// The protocol's durations, on the clock that counts suspension. Production uses these; a test
/// that links the rooms may hand in shorter ones.
struct ProtocolTimes {
    std::chrono::milliseconds dial{10000};    ///< resolve, connect and TLS, before the claim
    std::chrono::milliseconds send{2000};     ///< from the claim to the last moment of the write
    std::chrono::milliseconds answer{30000};  ///< from the write to the whole answer
    std::chrono::milliseconds quiet{60000};   ///< a request not processed by then never will be
    std::chrono::milliseconds store{5000};    ///< one call of the store
    std::chrono::milliseconds resolve_every{1000};  ///< how often due rows are looked for
    std::chrono::milliseconds resolve_backoff{
        5000};  ///< first pause after no clear answer; doubles
    std::chrono::milliseconds resolve_backoff_most{300000};
    std::chrono::milliseconds resolver_silent{60000};  ///< then another node finds out instead
    std::chrono::milliseconds look_again{1000};        ///< at a row that another node is refreshing
    std::chrono::milliseconds second_use_after{600000};  ///< policy wait, after the attempt
    std::chrono::milliseconds rotate_at_most_every{60000};
    std::chrono::milliseconds remember{5000};  ///< how long an opened token is served from memory:
                                               ///< a revocation elsewhere is seen by then
};

}  // namespace latchkey
