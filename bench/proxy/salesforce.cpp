// The emulator on a given port, with TLS if a certificate and a key are named: where the gateway under
// test connects its user before the load generator takes the port over.
//
//   bench_proxy_salesforce PORT [CERTIFICATE KEY]
#include <cstdlib>
#include <iostream>

#include "base/clock.h"
#include "base/log.h"
#include "emulator/emulator.h"

int main(int count, char** given) {
    latchkey::emulator::Options options;
    options.port = count > 1 ? static_cast<std::uint16_t>(std::atoi(given[1])) : 0;
    if (count > 3) options.tls = latchkey::ServerTls{given[2], given[3]};
    boost::asio::io_context loop;
    latchkey::SystemClock clock;
    latchkey::NoLog log;
    latchkey::emulator::Emulator emulator{loop, std::move(options), clock, log};
    const auto port = emulator.start();
    if (!port) {
        std::cerr << port.error().message << '\n';
        return 1;
    }
    std::cout << R"({"ready": true, "url": ")" << emulator.url() << "\"}" << std::endl;
    loop.run();
    return 0;
}
