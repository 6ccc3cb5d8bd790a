#pragma once

#include <string_view>

namespace latchkey {

/// The numbered moments of the refresh and connect protocols at which a test may end the process.
/// A front door hands in NoStops; only the crash tests hand in anything else.
class Stops {
public:
    virtual ~Stops() = default;
    /// `point` is a crash point's name, such as "CP6".
    virtual void reached(std::string_view point) = 0;
};

class NoStops final : public Stops {
public:
    void reached(std::string_view) override {}
};

}  // namespace latchkey
