// Load generator and upstream in one process and one thread, so that a proxy under test has the other
// core for itself and neither of the two hides it.
//
//   bench_proxy_load --upstream PORT [--certificate FILE --key FILE] --proxy PORT --connections N
//              --seconds S --body BYTES --path PATH|--paths FILE [--header "Name: value"]
//              [--upload BYTES] [--rate N]
//
// --paths has one path a line; callers ask for them in turn, from the first on again after the last.
// Callers keep their connections and send the next request when an answer is whole; with --rate so many
// a second are due, whoever is free sends the next one, and its latency counts from when it was due. With
// --upload each request has a body of that size. Prints one JSON
// line: requests, failures, bytes, seconds, and the latencies' median and 99th percentile.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

struct Options {
    int upstream = 0;
    int proxy = 0;
    int connections = 64;
    double seconds = 3;
    std::size_t body = 1024;
    std::size_t upload = 0;
    double rate = 0;  ///< requests a second; 0: as fast as they are answered
    std::vector<std::string> paths{"/"};
    std::string header;
    std::string certificate;
    std::string key;
};

std::vector<std::string> lines_of(const char* file) {
    std::vector<std::string> lines;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    if (lines.empty()) give_up(file);
    return lines;
}

sockaddr_in loopback(int port) {
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_port = htons(static_cast<std::uint16_t>(port));
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return there;
}

/// A head of about 700 bytes, as Salesforce sends it, and a body.
std::string make_answer(std::size_t body) {
    std::string head =
        "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
        "Set-Cookie: BrowserId=abcdefghijklmnopqrstuv; domain=.salesforce.com; path=/; "
        "expires=Tue, 23-Nov-2027 10:00:00 GMT; Max-Age=31536000\r\n"
        "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n"
        "X-Content-Type-Options: nosniff\r\nX-XSS-Protection: 1; mode=block\r\n"
        "Content-Security-Policy: upgrade-insecure-requests\r\nX-Robots-Tag: none\r\n"
        "Cache-Control: no-cache,must-revalidate,max-age=0,no-store,private\r\n"
        "Sforce-Limit-Info: api-usage=1842/15000\r\nETag: \"2f1b03c6bd8f\"\r\n"
        "Content-Type: application/json;charset=UTF-8\r\nVary: Accept-Encoding\r\n"
        "Server: sfdcedge\r\nX-SFDC-Request-Id: 0123456789abcdef0123456789abcdef\r\n";
    head += "Content-Length: " + std::to_string(body) + "\r\n\r\n";
    return head + std::string(body, 'x');
}

/// One connection, of a caller or of the upstream.
struct Peer {
    int fd = -1;
    bool upstream = false;
    SSL* ssl = nullptr;
    bool shaking = false;
    std::string in;
    std::string request;
    std::string_view out;
    std::size_t left = 0;  ///< of the body that is being read
    bool in_body = false;
    std::size_t unsent = 0;  ///< of a caller's upload
    Clock::time_point asked;
    ~Peer() {
        if (ssl) SSL_free(ssl);
        if (fd >= 0) ::close(fd);
    }
};

class Run {
public:
    explicit Run(Options options)
        : options_(std::move(options)), answer_(make_answer(options_.body)) {
        epoll_ = ::epoll_create1(0);
        if (options_.upload > 0) method_ = "POST ";
        rest_of_request_ =
            " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options_.proxy) +
            "\r\nAccept: application/json\r\nUser-Agent: bench/1\r\nAccept-Encoding: gzip\r\n";
        if (!options_.header.empty()) rest_of_request_ += options_.header + "\r\n";
        if (options_.upload > 0)
            rest_of_request_ += "Content-Type: application/octet-stream\r\nContent-Length: " +
                                std::to_string(options_.upload) + "\r\n";
        rest_of_request_ += "\r\n";
        latencies_.reserve(4'000'000);
    }

    void go() {
        listen();
        if (options_.proxy == 0) return serve_until(Clock::time_point::max());
        const auto began = Clock::now();
        const auto end = began + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(options_.seconds));
        next_due_ = began;
        for (int i = 0; i < options_.connections; ++i) connect();
        serve_until(end);
        const double took = std::chrono::duration<double>(Clock::now() - began).count();
        std::sort(latencies_.begin(), latencies_.end());
        const auto at = [this](double share) {
            return latencies_.empty()
                       ? 0.0
                       : latencies_[static_cast<std::size_t>(share * (latencies_.size() - 1))];
        };
        std::printf(
            "{\"requests\": %zu, \"failures\": %zu, \"bytes\": %zu, \"seconds\": %.3f, "
            "\"p50_us\": %.1f, \"p99_us\": %.1f, \"upstream_connections\": %zu}\n",
            done_, failed_, bytes_, took, at(0.5), at(0.99), accepted_);
    }

private:
    void listen() {
        if (!options_.certificate.empty()) {
            tls_ = SSL_CTX_new(TLS_server_method());
            if (SSL_CTX_use_certificate_chain_file(tls_, options_.certificate.c_str()) != 1 ||
                SSL_CTX_use_PrivateKey_file(tls_, options_.key.c_str(), SSL_FILETYPE_PEM) != 1)
                give_up("certificate");
            SSL_CTX_set_mode(tls_,
                             SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        }
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const auto here = loopback(options_.upstream);
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
            ::listen(listener_, 1024) != 0)
            give_up("listen");
        watch(listener_, nullptr, EPOLLIN, EPOLL_CTL_ADD);
    }

    void watch(int fd, Peer* peer, std::uint32_t events, int how) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = peer;
        ::epoll_ctl(epoll_, how, fd, &event);
    }

    Peer* add(int fd, bool upstream) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
        auto peer = std::make_unique<Peer>();
        peer->fd = fd;
        peer->upstream = upstream;
        if (upstream && tls_) {
            peer->ssl = SSL_new(tls_);
            SSL_set_fd(peer->ssl, fd);
            SSL_set_accept_state(peer->ssl);
            peer->shaking = true;
        }
        Peer* const made = peer.get();
        peers_[made] = std::move(peer);
        watch(fd, made, EPOLLIN, EPOLL_CTL_ADD);
        return made;
    }

    void connect() {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        const auto there = loopback(options_.proxy);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
            give_up("connect");
        free_for_next(*add(fd, false));
    }

    void free_for_next(Peer& peer) {
        if (options_.rate > 0)
            free_.push_back(&peer);
        else
            ask(peer, Clock::now());
    }

    void ask_what_is_due() {
        const auto now = Clock::now();
        while (next_due_ <= now && !free_.empty()) {
            Peer* const peer = free_.back();
            free_.pop_back();
            ask(*peer, next_due_);
            next_due_ += std::chrono::duration_cast<Clock::duration>(
                std::chrono::duration<double>(1 / options_.rate));
        }
    }

    void ask(Peer& peer, Clock::time_point due) {
        peer.asked = due;
        peer.in.clear();
        peer.in_body = false;
        peer.unsent = options_.upload;
        peer.request = method_ + options_.paths[next_path_] + rest_of_request_;
        next_path_ = (next_path_ + 1) % options_.paths.size();
        peer.out = peer.request;
        flush(peer);
    }

    void accept() {
        for (;;) {
            const int fd = ::accept(listener_, nullptr, nullptr);
            if (fd < 0) return;
            ++accepted_;
            add(fd, true);
        }
    }

    long read(Peer& peer, char* into, std::size_t room) {
        if (!peer.ssl) return ::recv(peer.fd, into, room, 0);
        // What another connection left in the thread's queue would be taken for this one's end.
        ERR_clear_error();
        const int n = SSL_read(peer.ssl, into, static_cast<int>(room));
        if (n > 0) return n;
        const int why = SSL_get_error(peer.ssl, n);
        errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
        return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }

    void flush(Peer& peer) {
        for (;;) {
            if (peer.out.empty() && peer.unsent > 0) {
                peer.out = std::string_view{filler_}.substr(0, peer.unsent);
                peer.unsent -= peer.out.size();
            }
            if (peer.out.empty()) return;
            long n = 0;
            if (peer.ssl) {
                ERR_clear_error();
                n = SSL_write(peer.ssl, peer.out.data(),
                              static_cast<int>(std::min<std::size_t>(peer.out.size(), 64 * 1024)));
                if (n <= 0) n = -1;
            } else {
                n = ::send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
            }
            if (n <= 0) {
                watch(peer.fd, &peer, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                return;
            }
            peer.out.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void drop(Peer& peer) {
        const bool caller = !peer.upstream;
        std::erase(free_, &peer);
        peers_.erase(&peer);
        if (!caller) return;
        ++failed_;
        if (Clock::now() < end_) connect();
    }

    void readable(Peer& peer) {
        if (peer.shaking) {
            ERR_clear_error();
            const int n = SSL_do_handshake(peer.ssl);
            if (n == 1)
                peer.shaking = false;
            else if (SSL_get_error(peer.ssl, n) == SSL_ERROR_WANT_READ)
                return;
            else
                return drop(peer);
        }
        for (;;) {
            const long n = read(peer, buffer_.get(), buffer_bytes);
            if (n == 0) return drop(peer);
            if (n < 0) {
                if (errno == EAGAIN) return;
                return drop(peer);
            }
            const auto got = static_cast<std::size_t>(n);
            if (peer.upstream) {
                answer(peer, {buffer_.get(), got});
            } else if (!take(peer, {buffer_.get(), got})) {
                return drop(peer);
            }
            if (got < buffer_bytes && !peer.ssl) return;
        }
    }

    /// Answers a request when its body has come; nobody sends the next one before that.
    void answer(Peer& peer, std::string_view bytes) {
        if (!peer.in_body) {
            peer.in.append(bytes);
            const auto end = peer.in.find("\r\n\r\n");
            if (end == std::string::npos) return;
            peer.left = length_in(peer.in);
            peer.in_body = true;
            bytes = std::string_view{peer.in}.substr(end + 4);
        }
        peer.left -= std::min(peer.left, bytes.size());
        if (peer.left > 0) return;
        peer.in.clear();
        peer.in_body = false;
        peer.out = answer_;
        flush(peer);
    }

    /// The Content-Length of a head as every proxy writes it; 0 if it has none.
    static std::size_t length_in(const std::string& head) {
        auto at = head.find("ontent-Length: ");
        if (at == std::string::npos) at = head.find("ontent-length: ");
        return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 15, nullptr, 10);
    }

    /// False: not a good answer.
    bool take(Peer& peer, std::string_view bytes) {
        bytes_ += bytes.size();
        if (!peer.in_body) {
            peer.in.append(bytes);
            const auto end = peer.in.find("\r\n\r\n");
            if (end == std::string::npos) return true;
            if (!std::string_view{peer.in}.starts_with("HTTP/1.1 200")) {
                if (failed_ == 0) std::fprintf(stderr, "%s\n", peer.in.substr(0, 600).c_str());
                return false;
            }
            peer.left = length_in(peer.in);
            if (peer.left == 0) return false;
            peer.in_body = true;
            bytes = std::string_view{peer.in}.substr(end + 4);
            if (bytes.size() > peer.left) return false;
            peer.left -= bytes.size();
        } else {
            if (bytes.size() > peer.left) return false;
            peer.left -= bytes.size();
        }
        if (peer.left > 0) return true;
        ++done_;
        latencies_.push_back(
            std::chrono::duration<float, std::micro>(Clock::now() - peer.asked).count());
        free_for_next(peer);
        return true;
    }

    void serve_until(Clock::time_point end) {
        end_ = end;
        std::vector<epoll_event> events(256);
        while (Clock::now() < end) {
            if (options_.rate > 0) ask_what_is_due();
            // What is due in a fraction of a millisecond is waited for by looking at the clock.
            const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                       options_.rate > 0 ? 0 : 50);
            for (int i = 0; i < n; ++i) {
                auto* const peer = static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
                if (!peer) {
                    accept();
                    continue;
                }
                if (peers_.find(peer) == peers_.end()) continue;
                const auto what = events[static_cast<std::size_t>(i)].events;
                if (what & EPOLLOUT) {
                    watch(peer->fd, peer, EPOLLIN, EPOLL_CTL_MOD);
                    flush(*peer);
                }
                if (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(*peer);
            }
        }
    }

    static constexpr std::size_t buffer_bytes = 256 * 1024;
    const Options options_;
    const std::string answer_;
    std::string rest_of_request_;
    std::size_t next_path_ = 0;
    int epoll_ = -1;
    int listener_ = -1;
    SSL_CTX* tls_ = nullptr;
    std::unique_ptr<char[]> buffer_{new char[buffer_bytes]};
    std::string method_ = "GET ";
    const std::string filler_ = std::string(64 * 1024, 'u');
    std::map<Peer*, std::unique_ptr<Peer>> peers_;
    std::vector<Peer*> free_;  ///< callers without a request, where there is a rate
    Clock::time_point next_due_{};
    std::vector<float> latencies_;
    Clock::time_point end_{};
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t bytes_ = 0;
    std::size_t accepted_ = 0;
};

}  // namespace

int main(int count, char** given) {
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name{given[i]};
        const char* const value = given[i + 1];
        if (name == "--upstream")
            options.upstream = std::atoi(value);
        else if (name == "--proxy")
            options.proxy = std::atoi(value);
        else if (name == "--connections")
            options.connections = std::atoi(value);
        else if (name == "--seconds")
            options.seconds = std::atof(value);
        else if (name == "--body")
            options.body = std::strtoull(value, nullptr, 10);
        else if (name == "--upload")
            options.upload = std::strtoull(value, nullptr, 10);
        else if (name == "--rate")
            options.rate = std::atof(value);
        else if (name == "--path")
            options.paths = {value};
        else if (name == "--paths")
            options.paths = lines_of(value);
        else if (name == "--header")
            options.header = value;
        else if (name == "--certificate")
            options.certificate = value;
        else if (name == "--key")
            options.key = value;
        else {
            std::fprintf(stderr, "unknown option %s\n", given[i]);
            return 2;
        }
    }
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    Run run{std::move(options)};
    run.go();
    return 0;
}
