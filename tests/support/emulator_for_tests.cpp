// The emulator as a program of its own, for tests whose other side is a program too. It takes a free
// port, prints one line of JSON when it is ready, and runs until it is ended by a signal.
#include <iostream>

#include "base/clock.h"
#include "base/log.h"
#include "emulator/emulator.h"

int main() {
    boost::asio::io_context loop;
    latchkey::SystemClock clock;
    latchkey::NoLog log;
    latchkey::emulator::Options options;
    options.port = 0;
    latchkey::emulator::Emulator emulator{loop, options, clock, log};
    const auto port = emulator.start();
    if (!port) {
        std::cerr << port.error().message << '\n';
        return 1;
    }
    std::cout << R"({"ready": true, "url": ")" << emulator.url() << "\"}" << std::endl;
    loop.run();
    return 0;
}
