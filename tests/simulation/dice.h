#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "base/random.h"

namespace latchkey::simulation {

/// All chance of a run, from its seed.
/// source  Sebastiano Vigna, splitmix64 (public domain), written anew
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t roll() {
        std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    /// From 0 to `below` - 1.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : roll() % bound; }
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
    }
    std::chrono::milliseconds between(std::chrono::milliseconds low,
                                      std::chrono::milliseconds high) {
        return std::chrono::milliseconds{between(low.count(), high.count())};
    }
    /// True `permille` times in a thousand.
    bool permille(std::int64_t share) { return share > 0 && between(0, 999) < share; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return choices.begin()[below(choices.size())];
    }
    /// A stream of its own, so that more draws in one place do not change every other place.
    Dice fork() { return Dice{roll()}; }

private:
    std::uint64_t state_;
};

/// Random bytes of a node: as repeatable as everything else.
class RolledRandom final : public Random {
public:
    explicit RolledRandom(Dice dice) : dice_(dice) {}
    void fill(std::span<std::byte> out) override {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (i % 8 == 0) word = dice_.roll();
            out[i] = static_cast<std::byte>(word >> (i % 8 * 8));
        }
    }

private:
    Dice dice_;
};

}  // namespace latchkey::simulation
