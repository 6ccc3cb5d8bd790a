#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/journal/disk.h"

namespace latchkey::test {

/// A directory in memory that behaves as a real one may at its worst: what was not synced can be
/// gone after a power cut, in whole or in part, and each call can be made to fail. One thread.
class FaultyDisk {
public:
    struct Plan {
        int calls_before =
            -1;             ///< the power goes after so many calls that change something; -1: never
        int fails_at = -1;  ///< the changing call after so many fails; -1: none
        int code = EIO;
        bool for_ever = false;                       ///< and all after it
        int sync_fails_at = -1;                      ///< the file sync after so many fails once
        std::size_t most_written = ~std::size_t{0};  ///< one write takes no more
        bool failed = false;
    };
    struct PowerCut {};
    Plan plan;
    int changes = 0;  ///< calls that changed something, or tried to
    int syncs = 0;
    std::uint64_t free = 1ull << 40;

    /// The directory as the next process finds it: every block that was not synced is there or not,
    /// and so is every change of a name.
    void cut_power(std::uint32_t seed, std::size_t block) {
        std::mt19937 dice{seed};
        // Changes of names reach the disk in their order, up to some moment.
        const auto kept = std::uniform_int_distribution<std::size_t>{0, pending_.size()}(dice);
        for (std::size_t i = 0; i < kept; ++i) pending_[i](names_);
        pending_.clear();
        for (auto& [name, inode] : names_) {
            if (inode->synced == inode->now) continue;
            std::string torn = inode->synced;
            if (dice() % 2 == 0) torn.resize(inode->now.size());
            for (std::size_t at = 0; at < torn.size(); at += block)
                if (dice() % 2 == 0 && at < inode->now.size())
                    torn.replace(at, std::min(block, torn.size() - at),
                                 inode->now.substr(at, std::min(block, torn.size() - at)));
            inode->now = inode->synced = torn;
        }
        live_ = names_;
        plan = {};
    }
    /// The process dies, the machine does not: all that was written stays written.
    void kill_process() { plan = {}; }

    std::unique_ptr<journal::Disk> handle() { return std::make_unique<Handle>(*this); }
    std::string& bytes(const std::string& name) {
        auto& inode = *live_.at(name);
        return inode.now;
    }
    void settle(const std::string& name) { live_.at(name)->synced = live_.at(name)->now; }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, inode] : live_) all.push_back(name);
        return all;
    }

private:
    struct Inode {
        std::string now;     ///< as the process sees it
        std::string synced;  ///< as it is on the disk for certain
    };
    using Names = std::map<std::string, std::shared_ptr<Inode>>;

    int change() {
        const int call = changes++;
        if (plan.calls_before >= 0 && call >= plan.calls_before) throw PowerCut{};
        if (plan.fails_at >= 0 &&
            (call == plan.fails_at || (plan.for_ever && call > plan.fails_at))) {
            plan.failed = true;
            return plan.code;
        }
        return 0;
    }
    void rename_in(Names& names, const std::string& from, const std::string& to) {
        const auto found = names.find(from);
        if (found == names.end()) return;
        names[to] = found->second;
        names.erase(from);
    }

    class File final : public journal::DiskFile {
    public:
        File(FaultyDisk& disk, std::shared_ptr<Inode> inode)
            : disk_(disk), inode_(std::move(inode)) {}
        int read(std::uint64_t at, std::size_t limit, std::string& out) override {
            out = at < inode_->now.size() ? inode_->now.substr(at, limit) : std::string{};
            return 0;
        }
        int write(std::uint64_t at, std::string_view bytes, std::size_t& written) override {
            written = 0;
            if (const int code = disk_.change()) return code;
            bytes = bytes.substr(0, disk_.plan.most_written);
            if (inode_->now.size() < at + bytes.size()) inode_->now.resize(at + bytes.size());
            inode_->now.replace(at, bytes.size(), bytes);
            written = bytes.size();
            return 0;
        }
        int allocate(std::uint64_t from, std::uint64_t size) override {
            if (const int code = disk_.change()) return code;
            if (inode_->now.size() < from + size) inode_->now.resize(from + size);
            return 0;
        }
        int truncate(std::uint64_t size) override {
            if (const int code = disk_.change()) return code;
            inode_->now.resize(size);
            return 0;
        }
        int size(std::uint64_t& out) override {
            out = inode_->now.size();
            return 0;
        }
        int sync() override {
            if (const int code = disk_.change()) return code;
            if (disk_.plan.sync_fails_at >= 0 && disk_.syncs++ == disk_.plan.sync_fails_at) {
                disk_.plan.failed = true;
                inode_->now = inode_->synced;  // the system drops what it could not write
                return EIO;
            }
            inode_->synced = inode_->now;
            return 0;
        }

    private:
        FaultyDisk& disk_;
        std::shared_ptr<Inode> inode_;
    };

    class Handle final : public journal::Disk {
    public:
        explicit Handle(FaultyDisk& disk) : disk_(disk) {}
        int list(std::vector<std::string>& names) override {
            names = disk_.names();
            return 0;
        }
        int open(const std::string& name, std::unique_ptr<journal::DiskFile>& out) override {
            const auto found = disk_.live_.find(name);
            if (found == disk_.live_.end()) return ENOENT;
            out = std::make_unique<File>(disk_, found->second);
            return 0;
        }
        int create(const std::string& name, std::unique_ptr<journal::DiskFile>& out) override {
            if (const int code = disk_.change()) return code;
            auto inode = std::make_shared<Inode>();
            disk_.live_[name] = inode;
            disk_.pending_.push_back([name, inode](Names& names) { names[name] = inode; });
            out = std::make_unique<File>(disk_, inode);
            return 0;
        }
        int rename(const std::string& from, const std::string& to) override {
            if (const int code = disk_.change()) return code;
            disk_.rename_in(disk_.live_, from, to);
            disk_.pending_.push_back(
                [&disk = disk_, from, to](Names& names) { disk.rename_in(names, from, to); });
            return 0;
        }
        int remove(const std::string& name) override {
            if (const int code = disk_.change()) return code;
            disk_.live_.erase(name);
            disk_.pending_.push_back([name](Names& names) { names.erase(name); });
            return 0;
        }
        int sync() override {
            if (const int code = disk_.change()) return code;
            for (const auto& step : disk_.pending_) step(disk_.names_);
            disk_.pending_.clear();
            return 0;
        }
        std::uint64_t free_bytes() override { return disk_.free; }

    private:
        FaultyDisk& disk_;
    };

    Names live_;   ///< as the process sees it
    Names names_;  ///< as it is on the disk for certain
    std::vector<std::function<void(Names&)>> pending_;
};

}  // namespace latchkey::test
