#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>

#include <fmt/format.h>

#include "base/random.h"
#include "store/journal/file_journal.h"

// How many answers a second one disk takes: through the journal, with one writer and with many, and,
// in turns with that, by nothing but write and fdatasync into room that the file has already.
namespace latchkey {
namespace {

using Moment = std::chrono::steady_clock::time_point;

struct Wish {
    int rounds = 5;
    int seconds = 2;
    std::size_t bytes = 1500;  ///< of a sealed answer
    std::string directory = ".";
    std::string json;
};

Moment end_of(const Wish& wish) {
    return std::chrono::steady_clock::now() + std::chrono::seconds{wish.seconds};
}
double a_second(std::int64_t done, Moment begun) {
    return static_cast<double>(done) /
           std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double bare(const Wish& wish, const std::string& folder) {
    const auto file = ::open((folder + "/bare").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) throw std::runtime_error("the file for the bare loop cannot be made");
    const std::string answer(wish.bytes, 'a');
    constexpr off_t piece = 1 << 20;
    off_t at = 0;
    off_t taken = 0;
    std::int64_t done = 0;
    const auto begun = std::chrono::steady_clock::now();
    const auto end = end_of(wish);
    while (std::chrono::steady_clock::now() < end) {
        if (at + static_cast<off_t>(answer.size()) > taken) {
            if (::posix_fallocate(file, taken, piece) != 0) throw std::runtime_error("disk full");
            taken += piece;
        }
        const bool kept = ::pwrite(file, answer.data(), answer.size(), at) ==
                              static_cast<ssize_t>(answer.size()) &&
                          ::fdatasync(file) == 0;
        if (!kept) throw std::runtime_error("the disk refused a write");
        at += static_cast<off_t>(answer.size());
        ++done;
    }
    const auto rate = a_second(done, begun);
    ::close(file);
    return rate;
}

struct Writers {
    FileJournal& journal;
    Clock& clock;
    const Wish& wish;
    Moment end;
    std::int64_t done = 0;
};

Async<void> write(Writers& all) {
    JournalRecord record;
    record.key = GrantKey{ConnectionId{"cn_0123456789abcdefghijkl"}, Epoch{1}};
    record.attempt = AttemptId{"0123456789abcdef0123456789abcdef"};
    record.timeline = Timeline{"1"};
    record.answer = Sealed{std::string(all.wish.bytes, 'a')};
    while (std::chrono::steady_clock::now() < all.end) {
        auto number = co_await all.journal.append(record, all.clock.in(std::chrono::seconds{30}));
        if (!number) throw std::runtime_error(number.error().message);
        ++all.done;
    }
}

double journal(const Wish& wish, const std::string& folder, int writers) {
    const auto where = folder + "/journal";
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    FileJournalOptions options{where, "bench"};
    options.limits.journal_bytes = std::uint64_t{64} << 30;
    auto opened = FileJournal::open(options, clock, random, log);
    if (!opened) throw std::runtime_error(opened.error().message);
    boost::asio::io_context loop{1};
    Writers all{**opened, clock, wish, end_of(wish)};
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < writers; ++i)
        boost::asio::co_spawn(loop, write(all), [](std::exception_ptr failed) {
            if (failed) std::rethrow_exception(failed);
        });
    loop.run();
    const auto rate = a_second(all.done, begun);
    opened->reset();
    std::filesystem::remove_all(where);
    return rate;
}

double median(std::vector<double> rates) {
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}

Wish wish_of(int count, char** given) {
    Wish wish;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string name = given[i];
        const std::string value = given[i + 1];
        if (name == "--rounds")
            wish.rounds = std::stoi(value);
        else if (name == "--seconds")
            wish.seconds = std::stoi(value);
        else if (name == "--bytes")
            wish.bytes = std::stoul(value);
        else if (name == "--directory")
            wish.directory = value;
        else if (name == "--json")
            wish.json = value;
        else
            throw std::invalid_argument(name);
    }
    const bool sound = count % 2 == 1 && wish.rounds > 0 && wish.seconds > 0 && wish.bytes > 0 &&
                       wish.bytes <= 4u << 20;
    if (!sound) throw std::invalid_argument("arguments");
    return wish;
}

int measure(const Wish& wish) {
    auto folder = wish.directory + "/latchkey-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr)
        throw std::runtime_error("no folder can be made in " + wish.directory);
    std::map<std::string, std::vector<double>> rates;
    try {
        for (int round = 0; round < wish.rounds; ++round) {
            rates["bare"].push_back(bare(wish, folder));
            rates["1"].push_back(journal(wish, folder, 1));
            rates["64"].push_back(journal(wish, folder, 64));
        }
    } catch (...) {
        std::filesystem::remove_all(folder);
        throw;
    }
    std::filesystem::remove_all(folder);
    const auto peer = median(rates["bare"]);
    std::cout << fmt::format(
        "{:<42}{:>12}{:>10}\n",
        "answers of " + std::to_string(wish.bytes) + " bytes, each on the disk", "a second",
        "ratio");
    const auto line = [&](const char* what, const char* which) {
        const auto rate = median(rates[which]);
        std::cout << fmt::format("{:<42}{:>12.0f}{:>10.2f}\n", what, rate, rate / peer);
    };
    line("write and fdatasync, nothing else", "bare");
    line("the journal, one writer", "1");
    line("the journal, 64 writers at once", "64");
    if (!wish.json.empty())
        std::ofstream{wish.json} << fmt::format(
            R"({{"bytes": {}, "bare": {:.0f}, "one_writer": {:.0f}, "writers_64": {:.0f}}})"
            "\n",
            wish.bytes, peer, median(rates["1"]), median(rates["64"]));
    return 0;
}

}  // namespace
}  // namespace latchkey

int main(int count, char** given) {
    try {
        return latchkey::measure(latchkey::wish_of(count, given));
    } catch (const std::invalid_argument&) {
        std::cerr << "usage: bench_journal [--rounds 5] [--seconds 2] [--bytes 1500] "
                     "[--directory .] [--json FILE]\n";
        return 2;
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << "\n";
        return 1;
    }
}
