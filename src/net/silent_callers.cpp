#include "net/silent_callers.h"

#include <utility>

#include <boost/asio/ip/address.hpp>

namespace latchkey {

namespace {

/// What counts as one address.
std::string counted_as(const std::string& address) {
    namespace ip = boost::asio::ip;
    boost::system::error_code failed;
    const auto parsed = ip::make_address(address, failed);
    if (failed || !parsed.is_v6()) return address;
    const auto six = parsed.to_v6();
    if (six.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, six).to_string();
    const auto bytes = six.to_bytes();
    return {bytes.begin(), bytes.begin() + 8};
}

}  // namespace

SilentCallers::Place::Place(std::shared_ptr<Counts> counts, std::string address)
    : counts_(std::move(counts)), address_(std::move(address)) {
    ++(*counts_)[address_];
}

SilentCallers::Place::~Place() {
    const auto found = counts_->find(address_);
    if (--found->second == 0) counts_->erase(found);
}

std::unique_ptr<SilentCallers::Place> SilentCallers::admit(const std::string& address) {
    auto one = counted_as(address);
    const auto found = counts_->find(one);
    if (found != counts_->end() && found->second >= most_) return nullptr;
    return std::make_unique<Place>(counts_, std::move(one));
}

}  // namespace latchkey
