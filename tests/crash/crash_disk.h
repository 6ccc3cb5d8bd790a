#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/stops.h"
#include "store/journal/disk.h"
#include "store/journal/segment.h"

namespace latchkey::test {

/// The journal's real directory with the crash points that lie inside its writing: a frame of which
/// one half is in the file, and an answer that the system has and the disk has not.
class StoppingDisk final : public journal::Disk {
public:
    StoppingDisk(std::unique_ptr<journal::Disk> inner, Stops& stops)
        : inner_(std::move(inner)), stops_(stops) {}

    int list(std::vector<std::string>& names) override { return inner_->list(names); }
    int open(const std::string& name, std::unique_ptr<journal::DiskFile>& out) override {
        return wrap(inner_->open(name, out), out);
    }
    int create(const std::string& name, std::unique_ptr<journal::DiskFile>& out) override {
        return wrap(inner_->create(name, out), out);
    }
    int rename(const std::string& from, const std::string& to) override {
        return inner_->rename(from, to);
    }
    int remove(const std::string& name) override { return inner_->remove(name); }
    int sync() override { return inner_->sync(); }
    std::uint64_t free_bytes() override { return inner_->free_bytes(); }

private:
    class File final : public journal::DiskFile {
    public:
        File(std::unique_ptr<journal::DiskFile> inner, Stops& stops)
            : inner_(std::move(inner)), stops_(stops) {}

        int read(std::uint64_t at, std::size_t limit, std::string& out) override {
            return inner_->read(at, limit, out);
        }
        int write(std::uint64_t at, std::string_view bytes, std::size_t& written) override {
            const auto kind = kind_of(at, bytes);
            if (kind == 0) return inner_->write(at, bytes, written);
            std::size_t first = 0;
            if (const int code = inner_->write(at, bytes.substr(0, bytes.size() / 2), first))
                return code;
            stops_.reached(kind == 1 ? "CP14" : "CP24");
            answer_unsynced_ = kind == 1;
            const int code = inner_->write(at + first, bytes.substr(first), written);
            written += first;
            return code;
        }
        int allocate(std::uint64_t from, std::uint64_t size) override {
            return inner_->allocate(from, size);
        }
        int truncate(std::uint64_t size) override { return inner_->truncate(size); }
        int size(std::uint64_t& out) override { return inner_->size(out); }
        int sync() override {
            if (std::exchange(answer_unsynced_, false)) stops_.reached("CP15");
            return inner_->sync();
        }

    private:
        /// Of the frame that begins here; 0: none does.
        static int kind_of(std::uint64_t at, std::string_view bytes) {
            constexpr std::size_t place_of_kind = 15;
            return at < journal::frames_begin || bytes.size() <= place_of_kind
                       ? 0
                       : static_cast<unsigned char>(bytes[place_of_kind]);
        }
        std::unique_ptr<journal::DiskFile> inner_;
        Stops& stops_;
        bool answer_unsynced_ = false;
    };

    int wrap(int code, std::unique_ptr<journal::DiskFile>& out) {
        if (code == 0) out = std::make_unique<File>(std::move(out), stops_);
        return code;
    }

    std::unique_ptr<journal::Disk> inner_;
    Stops& stops_;
};

}  // namespace latchkey::test
