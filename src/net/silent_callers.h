#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

namespace latchkey {

/// Gives the connections of each address so many places for as long as they have not said what they
/// want, so that whoever opens thousands and says nothing keeps nobody else out. Of IPv6 a whole /64
/// is one address, since one machine has all of it. Belongs to one loop.
class SilentCallers {
    using Counts = std::unordered_map<std::string, std::size_t>;

public:
    explicit SilentCallers(std::size_t most_per_address) : most_(most_per_address) {}

    /// Taken until it is destroyed, also beyond the end of the SilentCallers.
    class Place {
    public:
        Place(std::shared_ptr<Counts> counts, std::string address);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        const std::shared_ptr<Counts> counts_;
        const std::string address_;
    };

    /// A place for one more connection of this numeric address; null if all of them are taken.
    std::unique_ptr<Place> admit(const std::string& address);

private:
    const std::size_t most_;
    const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace latchkey
