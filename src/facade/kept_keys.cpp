#include "facade/kept_keys.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"
#include "crypto/sealed_format.h"
#include "store/journal/disk.h"

namespace latchkey {

namespace {

constexpr const char* next_name = "sealing-keys.next";

std::string line_of(const SealedKey& key) {
    return key.id + ' ' + std::to_string(key.created_at.time_since_epoch().count()) + ' ' +
           base64url(key.key.bytes) + '\n';
}

std::optional<SealedKey> key_of(std::string_view line) {
    const auto first = line.find(' ');
    const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || !is_key_id(line.substr(0, first))) return std::nullopt;
    const auto at = parse_decimal(line.substr(first + 1, second - first - 1), INT64_MAX);
    auto sealed = from_base64url(line.substr(second + 1));
    if (!at || !sealed || sealed->empty()) return std::nullopt;
    SealedKey key;
    key.id = line.substr(0, first);
    key.created_at = WallTime{WallTime::duration{static_cast<std::int64_t>(*at)}};
    key.key = Sealed{std::move(*sealed)};
    return key;
}

std::vector<SealedKey> keys_of(std::string_view text) {
    std::vector<SealedKey> keys;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto key = key_of(text.substr(0, end))) keys.push_back(std::move(*key));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return keys;
}

Error not_kept(int why) {
    return {Fault::try_later, "storage_unavailable",
            std::string{"The sealing keys could not be kept beside the journal: "} +
                std::strerror(why) + ". Nothing is sealed with a new one until they are."};
}

/// 0, or errno. A reader finds the former file or the new one, whole.
int replace_file(const std::string& directory, const std::string& text) {
    auto disk = journal::RealDisk::open(directory);
    if (!disk) return EIO;
    std::unique_ptr<journal::DiskFile> file;
    if (const int failed = (*disk)->create(next_name, file)) return failed;
    if (const int failed = journal::write_all(*file, 0, text)) return failed;
    if (const int failed = file->sync()) return failed;
    if (const int failed = (*disk)->rename(next_name, KeptKeys::file_name)) return failed;
    return (*disk)->sync();
}

bool same(const SealedKey& a, const SealedKey& b) {
    return a.id == b.id && a.key == b.key && a.created_at == b.created_at;
}

}  // namespace

Result<std::unique_ptr<KeptKeys>> KeptKeys::open(std::string directory) {
    std::unique_ptr<KeptKeys> kept{new KeptKeys(std::move(directory))};
    auto disk = journal::RealDisk::open(kept->directory_);
    if (!disk) return disk.error();
    std::unique_ptr<journal::DiskFile> file;
    const int failed = (*disk)->open(file_name, file);
    if (failed == ENOENT) return kept;
    std::string text;
    std::uint64_t size = 0;
    if (failed != 0 || file->size(size) != 0 || size > most_bytes ||
        journal::read_all(*file, text) != 0)
        return Error{
            Fault::misconfigured, "journal_unreachable",
            "The file sealing-keys beside the journal cannot be read. Look at the disk and "
            "at who may read it."};
    kept->keys_ = keys_of(text);
    return kept;
}

Result<void> KeptKeys::keep(const std::vector<SealedKey>& keys) {
    std::vector<SealedKey> next = keys;
    for (const auto& former : keys_) {
        const bool there = std::any_of(keys.begin(), keys.end(),
                                       [&](const SealedKey& key) { return key.id == former.id; });
        if (!there) next.push_back(former);
    }
    std::sort(next.begin(), next.end(), [](const SealedKey& a, const SealedKey& b) {
        return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
    });
    if (std::equal(next.begin(), next.end(), keys_.begin(), keys_.end(), same)) return {};
    std::string text;
    for (const auto& key : next) text += line_of(key);
    if (const int failed = replace_file(directory_, text)) return not_kept(failed);
    keys_ = std::move(next);
    return {};
}

}  // namespace latchkey
