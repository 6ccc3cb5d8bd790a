#include "cli/progress.h"

#include <algorithm>
#include <csignal>
#include <iostream>

#include <unistd.h>

namespace latchkey::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 100ms;
constexpr auto tell_a_terminal_every = 250ms;
constexpr auto tell_a_file_every = 10s;

volatile std::sig_atomic_t asked_to_stop = 0;

extern "C" void ask_to_stop(int) {
    asked_to_stop = 1;
}

/// Once: the next signal of that kind does what it does by itself.
void catch_once(int signal) {
    struct sigaction action{};
    action.sa_handler = ask_to_stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

}  // namespace

Progress::Progress(bool wished, std::string unit)
    : terminal_(::isatty(STDERR_FILENO) == 1), shown_(wished || terminal_), unit_(std::move(unit)) {
    asked_to_stop = 0;
    catch_once(SIGINT);
    catch_once(SIGTERM);
}

Progress::~Progress() {
    end();
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

Progress::Showing Progress::show(std::function<std::string()> state) {
    ticker_ = std::jthread{[this, state = std::move(state)](const std::stop_token& ended) {
        auto next = since_ + (terminal_ ? tell_a_terminal_every : tell_a_file_every);
        while (!ended.stop_requested()) {
            std::this_thread::sleep_for(look_every);
            if (asked_to_stop != 0) stop_.request_stop();
            const auto now = std::chrono::steady_clock::now();
            if (!shown_ || now < next || ended.stop_requested()) continue;
            next = now + (terminal_ ? tell_a_terminal_every : tell_a_file_every);
            tell(state());
        }
    }};
    return Showing{*this};
}

void Progress::tell(const std::string& state) {
    const std::int64_t done = done_;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - since_;
    std::string line = std::to_string(done) + " " + unit_ + ", " +
                       std::to_string(static_cast<std::int64_t>(static_cast<double>(done) /
                                                                std::max(spent.count(), 0.001))) +
                       "/s";
    if (!state.empty()) line += ", " + state;
    const std::lock_guard hold{line_};
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << line << (terminal_ ? "" : "\n") << std::flush;
    written_ = true;
}

void Progress::pause() {
    const std::lock_guard hold{line_};
    if (terminal_ && written_) std::cerr << "\r\x1b[K" << std::flush;
    written_ = false;
}

void Progress::end() {
    if (!ticker_.joinable()) return;
    ticker_.request_stop();
    ticker_.join();
    pause();
    // Short work is told once, where somebody wished to hear of it.
    if (shown_ && !terminal_) tell("done");
}

}  // namespace latchkey::cli
