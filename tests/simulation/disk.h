#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "base/stops.h"
#include "store/errors.h"
#include "store/memory_journal.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/parcel.h"

namespace latchkey::simulation {

/// What a crash means for the disk, kept by the node beyond each start.
struct Power {
    bool cut = false;  ///< this start ended with its power: what was not synced is gone
};

/// One start of a node at its own disk. Writing takes time: what a kill interrupts is written all
/// the same, because the system has it; what a power cut interrupts is a torn record, which the
/// journal cuts off when it is opened. The crash points inside a record's writing are reached here.
class JournalDoor final : public Journal {
public:
    JournalDoor(MemoryJournal& disk, Seat& seat, Seat& machine, Stops& stops,
                std::shared_ptr<Power> power, Dice dice, milliseconds sync_most, const int& full)
        : disk_(disk),
          seat_(seat),
          machine_(machine),
          stops_(stops),
          power_(std::move(power)),
          dice_(dice),
          sync_most_(sync_most),
          full_(full) {}

    const NodeId& node() const override { return disk_.node(); }
    Task<JournalRoom> reserve(std::size_t bytes, Deadline by) override {
        if (dice_.permille(full_)) disk_.fail_next("reserve", MemoryJournal::Trouble::unavailable);
        return disk_.reserve(bytes, by);
    }
    Task<std::int64_t> append(JournalRecord record, Deadline by) override {
        stops_.reached("CP14");
        if (dice_.permille(full_)) co_return store_error::journal_full();
        std::function<Task<std::int64_t>()> work = [&disk = disk_, record, by] {
            return disk.append(record, by);
        };
        auto number = co_await written<std::int64_t>(std::move(work), "CP15");
        co_return number;
    }
    Task<void> close(std::int64_t number, Deadline by) override {
        std::function<Task<void>()> work = [&disk = disk_, number, by] {
            return disk.close(number, by);
        };
        auto closed = co_await written<void>(std::move(work), "CP24");
        co_return closed;
    }
    Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                          Deadline by) override {
        return disk_.read(after, limit, by);
    }
    Task<std::size_t> prune(WallTime before, Deadline by) override {
        return disk_.prune(before, by);
    }

private:
    template <class T>
    static Async<void> write(std::function<Task<T>()> work, std::weak_ptr<Parcel<Result<T>>> to) {
        auto done = co_await work();
        if (const auto waiting = to.lock()) waiting->deliver(std::move(done));
    }
    template <class T>
    Task<T> written(std::function<Task<T>()> work, std::string_view point) {
        const auto parcel = std::make_shared<Parcel<Result<T>>>(seat_);
        const std::weak_ptr<Parcel<Result<T>>> to = parcel;
        // The disk belongs to the machine and outlives this start of the node.
        seat_.agenda.in(dice_.between(milliseconds{0}, sync_most_),
                        [&machine = machine_, power = power_, to, work = std::move(work)] {
                            if (power->cut) return;
                            boost::asio::co_spawn(machine.loop, write<T>(work, to),
                                                  [](std::exception_ptr failed) {
                                                      if (failed) std::rethrow_exception(failed);
                                                  });
                            machine.ready = true;
                        });
        stops_.reached(point);
        auto done = co_await parcel->wait();
        co_return std::move(done).value();
    }

    MemoryJournal& disk_;
    Seat& seat_;
    Seat& machine_;
    Stops& stops_;
    std::shared_ptr<Power> power_;
    Dice dice_;
    milliseconds sync_most_;
    const int& full_;  ///< share of calls, per thousand, that find no room
};

}  // namespace latchkey::simulation
