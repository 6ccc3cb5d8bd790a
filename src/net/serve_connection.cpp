#include <exception>
#include <string>
#include <utility>

#include "base/text.h"
#include "net/http_server_impl.h"

namespace latchkey {

namespace {

using Incoming = ServerConnection::Incoming;

Reply refusal_reply(const Refusal& refusal) {
    Reply reply{
        refusal.status,
        {{"Content-Type", "application/json"}},
        error_body(refusal.status == 408 ? "request_too_slow" : "invalid_request", refusal.why)};
    reply.close = true;
    return reply;
}

/// The handler's answer, or 500 for an exception that it let out.
Async<Reply> answer(std::shared_ptr<HttpServer::Impl> server, ServedRequest request) {
    std::string why;
    try {
        auto reply = co_await server->handler(std::move(request));
        co_return reply;
    } catch (const std::exception& e) {
        why = printable(e.what());
    } catch (...) {
        why = "not a std::exception";
    }
    server->say(Level::error, "handler_threw", why);
    Reply reply{500,
                {{"Content-Type", "application/json"}},
                error_body("internal", "This is a bug of latchkey; the log has its traces.")};
    co_return reply;
}

}  // namespace

Async<void> serve_connection(std::shared_ptr<HttpServer::Impl> server,
                             std::shared_ptr<ServerConnection> connection,
                             std::unique_ptr<SilentCallers::Place> place) {
    if (server->tls) {
        const bool ready = co_await connection->handshake(*server->tls);
        server->tell_of_certificate();
        if (!ready) {
            connection->reset();
            co_return;
        }
    }
    for (bool go_on = true; go_on && !server->stopping;) {
        auto head = connection->expect_head();
        while (!head) {
            const bool told = co_await connection->socket().until_some();
            head = connection->take_head(told);
        }
        if (head->kind == Incoming::Kind::request) place.reset();
        if (head->kind == Incoming::Kind::request && server->relay &&
            server->relay->relays(connection->head().target)) {
            go_on = co_await server->relay->serve(*connection, server->closing);
            continue;
        }
        auto incoming = std::move(*head);
        if (incoming.kind == Incoming::Kind::request)
            incoming = co_await connection->read_request(std::move(incoming));
        if (incoming.kind == Incoming::Kind::ended) break;
        if (incoming.kind == Incoming::Kind::refused) {
            auto reply = refusal_reply(incoming.refusal);
            co_await connection->write(std::move(reply), false, false, incoming.http_1_0);
            break;
        }
        const bool head_only = incoming.request.method == "HEAD";
        auto request = std::move(incoming.request);
        auto reply = co_await answer(server, std::move(request));
        const bool keep = incoming.keep_alive && !reply.close && !server->closing;
        go_on = co_await connection->write(std::move(reply), head_only, keep, incoming.http_1_0);
    }
    co_await connection->close();
}

}  // namespace latchkey
