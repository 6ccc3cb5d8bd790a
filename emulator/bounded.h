#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace latchkey::emulator {

/// Values by name, at most `limit` of them: the oldest goes when one too many comes. What it holds
/// stays where it is until it is erased or pushed out.
template <class T>
class Bounded {
public:
    explicit Bounded(std::size_t limit) : limit_(limit) {}
    // The places point into the list, which keeps them when it moves but not when it is copied.
    Bounded(Bounded&&) = default;
    Bounded& operator=(Bounded&&) = default;
    Bounded(const Bounded&) = delete;
    Bounded& operator=(const Bounded&) = delete;

    /// Keeps `value` under `name`, in place of what had that name.
    T& put(const std::string& name, T value) {
        erase(name);
        if (order_.size() == limit_) erase(std::string{order_.front().first});
        order_.emplace_back(name, std::move(value));
        places_[name] = std::prev(order_.end());
        return order_.back().second;
    }

    /// nullptr if there is no such name.
    T* find(const std::string& name) {
        const auto place = places_.find(name);
        return place == places_.end() ? nullptr : &place->second->second;
    }
    const T* find(const std::string& name) const {
        const auto place = places_.find(name);
        return place == places_.end() ? nullptr : &place->second->second;
    }

    void erase(const std::string& name) {
        const auto place = places_.find(name);
        if (place == places_.end()) return;
        order_.erase(place->second);
        places_.erase(place);
    }

    void clear() {
        order_.clear();
        places_.clear();
    }

    std::size_t size() const { return order_.size(); }
    bool full() const { return order_.size() == limit_; }

    // Oldest first; each element is a pair of name and value.
    auto begin() { return order_.begin(); }
    auto end() { return order_.end(); }
    auto begin() const { return order_.begin(); }
    auto end() const { return order_.end(); }

private:
    std::list<std::pair<std::string, T>> order_;
    std::unordered_map<std::string, typename std::list<std::pair<std::string, T>>::iterator>
        places_;
    std::size_t limit_;
};

}  // namespace latchkey::emulator
