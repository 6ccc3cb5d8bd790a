#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/text.h"
#include "net/sockets.h"

namespace latchkey {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using boost::system::error_code;

class TcpListener final : public Listener {
public:
    explicit TcpListener(Acceptor&& acceptor) : acceptor_(std::move(acceptor)) {
        error_code ignored;
        port_ = acceptor_.local_endpoint(ignored).port();
    }

    std::uint16_t port() const override { return port_; }

    Async<std::unique_ptr<Socket>> accept(error_code& failed) override {
        for (;;) {
            co_await acceptor_.async_wait(Acceptor::wait_read,
                                          asio::redirect_error(use_task, failed));
            if (failed) co_return nullptr;
            Tcp::endpoint caller;
            auto size = static_cast<socklen_t>(caller.capacity());
            const int fd = ::accept4(acceptor_.native_handle(), caller.data(), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)) continue;
            if (fd < 0) failed = {errno, boost::system::system_category()};
            if (failed) co_return nullptr;
            caller.resize(size);
            co_return make_socket(acceptor_.get_executor(), fd, caller.address().to_string(),
                                  failed);
        }
    }

    void close() noexcept override {
        error_code ignored;
        acceptor_.close(ignored);
    }

private:
    Acceptor acceptor_;
    std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Listener>> open_listener(Executor on, const std::string& host,
                                                std::uint16_t port, bool shared) {
    const auto refused = [&](const char* code, const std::string& why) {
        return Error{
            Fault::misconfigured, code,
            "Cannot listen on " + printable(host) + " port " + std::to_string(port) + ": " + why};
    };
    error_code failed;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, failed);
    if (failed) {
        return refused("invalid_listen_address",
                       "it is not a numeric address of this machine. Name one, or localhost.");
    }
    const Tcp::endpoint here{address, port};
    Acceptor acceptor{on};
    acceptor.open(here.protocol(), failed);
    if (!failed) acceptor.set_option(Acceptor::reuse_address{true}, failed);
    using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    if (!failed && shared) acceptor.set_option(ReusePort{true}, failed);
    if (!failed) acceptor.bind(here, failed);
    if (!failed) acceptor.listen(Acceptor::max_listen_connections, failed);
    if (failed == asio::error::address_in_use) {
        return refused("address_in_use", "another program does. Stop it or choose another port.");
    }
    if (failed) {
        return refused(
            "invalid_listen_address",
            failed.message() + ". Choose an address of this machine and a port you may use.");
    }
    return std::unique_ptr<Listener>{new TcpListener(std::move(acceptor))};
}

}  // namespace latchkey
