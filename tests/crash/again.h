#pragma once

#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace latchkey::test {

/// Starts this binary once more for one of its test cases, which is skipped otherwise, with more in its
/// environment and its output in a file; waits for its end. returns  the wait status
inline int run_again(const std::string& test_case, std::vector<std::string> environment,
                     const std::string& output) {
    for (char** inherited = environ; *inherited != nullptr; ++inherited)
        environment.emplace_back(*inherited);
    std::vector<std::string> arguments{"test_crash", "--no-skip", "--test-case=" + test_case};
    std::vector<char*> argv;
    std::vector<char*> envp;
    for (auto& text : arguments) argv.push_back(text.data());
    for (auto& text : environment) envp.push_back(text.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = 0;
    const int failed =
        ::posix_spawn(&child, "/proc/self/exe", &quiet, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&quiet);
    REQUIRE(failed == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

}  // namespace latchkey::test
