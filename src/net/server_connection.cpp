#include "net/server_connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/coarse_time.h"
#include "net/http_syntax.h"

namespace latchkey {

namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::size_t head_room = 2 * 1024;
constexpr std::size_t body_room = 64 * 1024;
constexpr std::size_t kept_capacity = 8 * 1024;  // of the buffer of an idle connection

constexpr Refusal not_http{400, "This is not a request of HTTP/1.1."};
constexpr Refusal bad_body{400, "The chunks of the request's body are malformed."};
constexpr Refusal body_too_long{413, "The request's body is too long."};
constexpr Refusal head_too_slow{408, "The request's head did not arrive in time."};
constexpr Refusal body_too_slow{408, "The request's body did not arrive in time."};

std::string_view text(boost::beast::string_view view) {
    return {view.data(), view.size()};
}

std::string_view phrase(int status) {
    const auto known = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    return text(known);
}

bool may_have_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

std::string print_head(const Reply& reply, bool keep_alive, bool http_1_0) {
    std::string out;
    out.reserve(256);
    out.append("HTTP/1.1 ").append(std::to_string(reply.status)).append(" ");
    out.append(phrase(reply.status)).append("\r\n");
    for (const auto& line : reply.headers) {
        if (is_framing(line.name)) continue;
        out.append(line.name).append(": ").append(line.value).append("\r\n");
    }
    if (may_have_body(reply.status)) {
        out.append("Content-Length: ").append(std::to_string(reply.body.size())).append("\r\n");
    }
    if (!keep_alive) out.append("Connection: close\r\n");
    if (keep_alive && http_1_0) out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    return out;
}

/// A handler that lets a caller's bytes into a header line would let the caller write the answer.
bool printable_as_http(const Reply& reply) {
    return reply.status >= 200 && reply.status <= 599 &&
           std::all_of(reply.headers.begin(), reply.headers.end(), [](const Header& line) {
               return is_token(line.name) && is_field_value(line.value);
           });
}

/// `line` may begin with the CR LF that ends the chunk before.
bool sane_chunk_line(std::string_view line) {
    constexpr std::size_t most_digits = 16;
    if (line.starts_with("\r\n")) line.remove_prefix(2);
    return line.find_first_not_of("0123456789abcdefABCDEF") <= most_digits;
}

ServedRequest taken_from(const Parser& parser) {
    const auto& message = parser.get();
    ServedRequest request;
    request.method = text(message.method_string());
    request.target = text(message.target());
    const auto mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    for (const auto& field : message) {
        request.headers.add(std::string{text(field.name_string())},
                            std::string{text(field.value())});
    }
    return request;
}

}  // namespace

ServerConnection::ServerConnection(std::unique_ptr<Socket> socket, const ServerLimits& limits,
                                   bool tls)
    : socket_(std::move(socket)), limits_(limits), tls_(tls) {}

void ServerConnection::allow(std::chrono::milliseconds wait) {
    expired_ = false;
    expires_ = coarse_now() + wait;
}

void ServerConnection::allow_forever() {
    expires_ = std::chrono::steady_clock::time_point::max();
}

void ServerConnection::look_at_time(std::chrono::steady_clock::time_point now) {
    if (guest_) return guest_->look_at_time(now);
    if (now < expires_) return;
    expired_ = true;
    socket_->interrupt();
}

Async<bool> ServerConnection::handshake(TlsContext context) {
    allow(limits_.head);
    auto engine = TlsEngine::server(context);
    std::string why;
    boost::system::error_code failed;
    co_await socket_->handshake(std::move(engine), why, failed);
    allow_forever();
    co_return !failed && !expired_;
}

std::span<char> ServerConnection::make_room(std::size_t bytes) {
    const auto old = received_.size();
    received_.resize(old + bytes);
    return {received_.data() + old, bytes};
}

ServerConnection::Read ServerConnection::took(std::size_t room, std::size_t bytes,
                                              const boost::system::error_code& failed) {
    received_.resize(received_.size() - room + (failed ? 0 : bytes));
    if (!failed) return Read::some;
    return expired_ ? Read::expired : Read::gone;
}

Async<ServerConnection::Read> ServerConnection::read_more(std::size_t bytes) {
    if (expired_) co_return Read::expired;
    const auto room = make_room(bytes);
    boost::system::error_code failed;
    const auto got = co_await socket_->read_some(room, failed);
    co_return took(room.size(), got, failed);
}

void ServerConnection::consume(std::size_t bytes) {
    received_.erase(0, head_bytes_ + bytes);
    head_bytes_ = 0;
}

std::optional<ServerConnection::Incoming> ServerConnection::expect_head() {
    if (received_.empty() && received_.capacity() > kept_capacity) std::string{}.swap(received_);
    idle_ = received_.empty();
    // Of a new connection the first byte is awaited as long as a head, not as long as a next
    // request.
    allow(idle_ && !first_ ? limits_.idle : limits_.head);
    looked_at_ = 0;
    return look_for_head();
}

std::optional<ServerConnection::Incoming> ServerConnection::take_head(bool told) {
    boost::system::error_code failed = boost::asio::error::operation_aborted;
    std::optional<std::size_t> got = 0;
    const auto room = make_room(head_room);
    if (told) got = socket_->read_now(room, failed);
    const bool some = took(room.size(), got.value_or(0), failed) == Read::some && got;
    if (some && idle_) {
        idle_ = false;
        allow(limits_.head);
    }
    auto head = some ? look_for_head() : std::nullopt;
    // The time may also have run out between what came and its being looked at.
    if (!head && expired_) return received_.empty() ? Incoming{} : refused(head_too_slow);
    if (!some && got) return Incoming{};
    return head;
}

ServerConnection::Incoming ServerConnection::refused(const Refusal& refusal) const {
    Incoming incoming;
    incoming.kind = Incoming::Kind::refused;
    incoming.refusal = refusal;
    return incoming;
}

std::optional<ServerConnection::Incoming> ServerConnection::look_for_head() {
    const auto end = received_.find("\r\n\r\n", looked_at_ < 3 ? 0 : looked_at_ - 3);
    if (end == std::string::npos) {
        const auto from = std::exchange(looked_at_, received_.size());
        if (const auto refusal = check_partial_head(received_, from, limits_))
            return refused(*refusal);
        return std::nullopt;
    }
    idle_ = false;
    first_ = false;
    allow_forever();
    head_bytes_ = end + 4;
    const auto refusal =
        scan_request(std::string_view{received_}.substr(0, head_bytes_), limits_, head_);
    Incoming incoming;
    incoming.kind = refusal ? Incoming::Kind::refused : Incoming::Kind::request;
    if (refusal) incoming.refusal = *refusal;
    incoming.keep_alive = head_.keep_alive;
    incoming.http_1_0 = head_.http_1_0;
    return incoming;
}

Async<ServerConnection::Incoming> ServerConnection::read_request(Incoming incoming) {
    if (head_.length > limits_.body_bytes) {
        incoming.kind = Incoming::Kind::refused;
        incoming.refusal = body_too_long;
        co_return incoming;
    }
    allow(limits_.body);
    const HeadFacts facts = head_;
    const std::string head = received_.substr(0, head_bytes_);
    consume(0);
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(std::max(head.size(), limits_.head_bytes) +
                                                   head_room));  // also of a trailer
    parser.body_limit(limits_.body_bytes);

    boost::system::error_code failed;
    incoming.kind = Incoming::Kind::refused;
    incoming.refusal = not_http;
    const auto eaten = parser.put(boost::asio::buffer(head.data(), head.size()), failed);
    if (failed == http::error::need_more) failed = {};
    if (failed || eaten != head.size() || !parser.is_header_done()) co_return incoming;

    // Taken now: later the parser would add the lines of a trailer, which nobody has checked.
    auto request = taken_from(parser);
    request.headers.remove("Expect");

    // Not eager: one call of `put` then eats one chunk's line, and nothing else, and it can be
    // looked at. Beast takes any number of leading zeros, where other programs cut the number.
    bool chunk_line = false;
    auto note_chunk = [&chunk_line](std::uint64_t, boost::beast::string_view,
                                    boost::system::error_code&) { chunk_line = true; };
    parser.on_chunk_header(note_chunk);

    const bool wants_body = !parser.is_done();
    if (wants_body && facts.expects_continue && received_.empty()) {
        std::size_t handed = 0;
        co_await socket_->write("HTTP/1.1 100 Continue\r\n\r\n", handed, failed);
        if (failed) {
            incoming.kind = Incoming::Kind::ended;
            co_return incoming;
        }
    }
    while (!parser.is_done()) {
        std::size_t used = 1;
        std::size_t at = 0;  // bytes are dropped together: a body may come in many tiny chunks
        while (used > 0 && at < received_.size() && !parser.is_done()) {
            chunk_line = false;
            used = parser.put(boost::asio::buffer(received_.data() + at, received_.size() - at),
                              failed);
            if (failed == http::error::need_more) failed = {};
            if (failed == http::error::body_limit) incoming.refusal = body_too_long;
            if (failed && failed != http::error::body_limit) incoming.refusal = bad_body;
            if (!failed && chunk_line && !sane_chunk_line({received_.data() + at, used})) {
                incoming.refusal = bad_body;
                failed = http::error::bad_chunk;
            }
            if (failed) co_return incoming;
            at += used;
        }
        received_.erase(0, at);
        if (parser.is_done()) break;
        // A chunk's line or a trailer that has not ended by now is not going to be a sane one.
        if (received_.size() > limits_.head_bytes) {
            incoming.refusal = bad_body;
            co_return incoming;
        }
        const auto read = co_await read_more(body_room);
        if (read == Read::some) continue;
        if (read == Read::expired) {
            incoming.refusal = body_too_slow;
        } else {
            incoming.kind = Incoming::Kind::ended;
        }
        co_return incoming;
    }
    allow_forever();
    request.body = std::move(parser.get().body());
    request.peer = socket_->peer();
    request.tls = tls_;
    incoming.kind = Incoming::Kind::request;
    incoming.request = std::move(request);
    co_return incoming;
}

Async<bool> ServerConnection::write(Reply reply, bool head_only, bool keep_alive, bool http_1_0) {
    if (reply.reset) {
        socket_->reset();
        if (reply.sent) reply.sent(false);
        co_return false;
    }
    if (!printable_as_http(reply)) {
        auto sent = std::move(reply.sent);
        const auto cut = reply.cut_at;
        reply = Reply{500,
                      {{"Content-Type", "application/json"}},
                      error_body("internal", "The answer could not be written as HTTP.")};
        reply.sent = std::move(sent);
        reply.cut_at = cut;
        keep_alive = false;
    }
    std::string out = print_head(reply, keep_alive, http_1_0);
    if (!head_only && may_have_body(reply.status)) out.append(reply.body);
    const auto whole = out.size();
    if (reply.cut_at) out.resize(std::min(*reply.cut_at, whole));

    allow(limits_.write);
    std::size_t handed = 0;
    boost::system::error_code failed;
    std::string_view rest{out};
    if (!expired_ && !socket_->write_now(rest, handed, failed)) {
        co_await socket_->write(rest, handed, failed);
    }
    const bool all = !failed && out.size() == whole;
    if (reply.cut_at && !failed) co_await socket_->delivered();
    allow_forever();
    if (failed || reply.cut_at) socket_->reset();
    if (reply.sent) reply.sent(all);
    co_return !failed && !reply.cut_at && keep_alive;
}

Async<void> ServerConnection::close() {
    allow_forever();
    ending_ = true;
    co_await socket_->close();
}

std::string error_body(std::string_view code, std::string_view message) {
    std::string body = "{\"error\":\"";
    body.append(code).append("\",\"message\":\"");
    for (const char c : message) {
        if (c == '"' || c == '\\') body.push_back('\\');
        body.push_back(c);
    }
    body.append("\"}");
    return body;
}

}  // namespace latchkey
