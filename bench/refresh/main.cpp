// bench_refresh seed|seed-fresh CONFIG   answers on standard input, ids on standard output
// bench_refresh each KEY_FILE CALLERS NODE...   ids on standard input
// bench_refresh hot KEY_FILE CALLERS NODE...    one id on standard input
//
// bench/refresh/run.py starts all that these need.
#include <cstdlib>
#include <iostream>

#include "bench/refresh/drive.h"
#include "bench/refresh/seed.h"
#include "service/config.h"

int main(int count, char** words) {
    using namespace latchkey;
    const std::vector<std::string> given(words + 1, words + count);
    if (given.size() == 2 && (given[0] == "seed" || given[0] == "seed-fresh")) {
        const auto due = given[0] == "seed" ? bench::Due::yes : bench::Due::no;
        const auto seeded = bench::seed(given[1], std::cin, std::cout, due);
        if (seeded) return 0;
        std::cerr << seeded.error().code << ": " << seeded.error().message << '\n';
        return 1;
    }
    if (given.size() >= 4 && (given[0] == "each" || given[0] == "hot")) {
        const auto key = service::read_small_file(given[1], true);
        if (!key) {
            std::cerr << key.error().message << '\n';
            return 1;
        }
        bench::Drive drive;
        drive.key = Secret{*key};
        drive.callers = std::strtoul(given[2].c_str(), nullptr, 10);
        drive.nodes.assign(given.begin() + 3, given.end());
        for (std::string id; std::getline(std::cin, id);) drive.connections.push_back(id);
        if (drive.connections.empty() || drive.callers == 0) {
            std::cerr << "There is nothing to ask for.\n";
            return 2;
        }
        return (given[0] == "each" ? bench::drive_each(drive) : bench::drive_hot(drive)) ? 0 : 1;
    }
    std::cerr
        << "usage: bench_refresh seed|seed-fresh CONFIG | each|hot KEY_FILE CALLERS NODE...\n";
    return 2;
}
