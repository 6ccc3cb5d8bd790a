#include <cstdlib>
#include <iostream>

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include "cli/acts.h"

extern char** environ;

namespace latchkey::cli {
namespace {

/// $BROWSER, else xdg-open. The URL is an argument of its own: no shell reads it.
void open_browser(const std::string& url) {
    const char* chosen = std::getenv("BROWSER");
    std::string program = chosen != nullptr && *chosen != '\0' ? chosen : "xdg-open";
    std::string argument = url;
    char* const arguments[] = {program.data(), argument.data(), nullptr};
    posix_spawn_file_actions_t silence;
    ::posix_spawn_file_actions_init(&silence);
    ::posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed =
        ::posix_spawnp(&child, program.c_str(), &silence, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&silence);
    if (failed != 0) std::cerr << "No browser could be started; open the address yourself.\n";
}

}  // namespace

void show_login(const std::string& what, const std::string& url, bool print_only) {
    std::cerr << what << ":\n" << url << std::endl;
    if (!print_only) open_browser(url);
}

}  // namespace latchkey::cli
