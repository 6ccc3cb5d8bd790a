#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "base/text.h"
#include "facade/server_impl.h"

// A running server behind the port of Rest and Bulk: its proxy puts the token in, and repeats what a
// dead session refused.
namespace latchkey {
namespace {

constexpr std::size_t most_body_bytes = 1024 * 1024;
constexpr std::size_t most_refusal_bytes = 64 * 1024;

std::string text(const boost::json::object& from, std::string_view field) {
    const auto* value = from.if_contains(field);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
}

Fault fault_of(int status, const std::string& code) {
    if (code == "reauth_required") return Fault::reauthorize;
    constexpr std::array unknown = {"upstream_answer_lost",
                                    "upstream_timeout",
                                    "answer_lost",
                                    "answer_cut",
                                    "answer_too_large",
                                    "upstream_error",
                                    "upstream_invalid_response",
                                    "storage_outcome_unknown"};
    if (std::ranges::find(unknown, code) != unknown.end()) return Fault::outcome_unknown;
    switch (status) {
        case 400:
        case 405:
        case 413:
            return Fault::bad_input;
        case 401:
        case 403:
            return Fault::denied;
        case 404:
            return Fault::not_found;
        case 409:
            return Fault::conflict;
        case 429:
        case 503:
            return Fault::try_later;
        case 502:
            return Fault::misconfigured;
        case 504:
            return Fault::outcome_unknown;
        default:
            return Fault::internal;
    }
}

std::string proxied(const ApiRequest& request) {
    return "/proxy/" + percent_encode(request.connection.text) + request.target;
}

bool from_salesforce(const Headers& headers) {
    return headers.find("Latchkey-Answer").value_or("") == "salesforce";
}

/// The session was dead, so nothing was done, and the server had not kept so long a body to send it
/// again. It fetches a newer token meanwhile.
bool refused_for_its_length(const Headers& headers) {
    return headers.find("Latchkey-Retry").value_or("") == "body-not-buffered";
}

/// The server outlives the answer that was opened at it.
class ServerBody final : public AnswerBody {
public:
    ServerBody(std::shared_ptr<ServerCore> core, std::unique_ptr<OpenAnswer> answer)
        : core_(std::move(core)), answer_(std::move(answer)) {}
    Task<std::string> read(Deadline by) override {
        auto piece = co_await answer_->read(by);
        co_return piece;
    }

private:
    std::shared_ptr<ServerCore> core_;
    std::unique_ptr<OpenAnswer> answer_;
};

class ServerPort final : public ApiPort {
public:
    explicit ServerPort(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}

    Task<ApiResponse> call(ApiRequest request, Deadline by) override {
        if (request.body.size() > most_body_bytes) {
            co_return Error{Fault::bad_input, "body_too_large",
                            "The body of a call is at most 1 MiB. Use a bulk API for more."};
        }
        auto sent = core_->request(request.method, proxied(request), request.headers,
                                   std::move(request.body));
        auto answer = co_await core_->transport.send(core_->server, std::move(sent), by);
        if (!answer) co_return answer.error();
        if (!answer->whole) {
            co_return Error{Fault::outcome_unknown, "upstream_answer_lost",
                            "The answer was cut short. The call may have been done; look before "
                            "repeating it."};
        }
        if (!from_salesforce(answer->headers)) {
            co_return server_refusal(answer->status, answer->body);
        }
        ApiResponse response = head_of(answer->status, answer->headers);
        response.body = std::move(answer->body);
        co_return response;
    }

    Task<OpenedAnswer> open(ApiRequest request, std::shared_ptr<const std::string> body,
                            Deadline by) override {
        std::unique_ptr<OpenAnswer> theirs;
        for (int attempt = 0; attempt < 2; ++attempt) {
            auto sent = core_->request(request.method, proxied(request), request.headers);
            auto opened = co_await core_->transport.open(core_->server, std::move(sent), body, by);
            if (!opened) co_return opened.error();
            theirs = std::move(*opened);
            if (!refused_for_its_length(theirs->headers())) break;
        }
        if (!from_salesforce(theirs->headers())) {
            std::string told;
            while (told.size() < most_refusal_bytes) {
                auto piece = co_await theirs->read(by);
                if (!piece || piece->empty()) break;
                told += *piece;
            }
            co_return server_refusal(theirs->status(), told);
        }
        OpenedAnswer answer;
        answer.head = head_of(theirs->status(), theirs->headers());
        answer.body = std::make_unique<ServerBody>(core_, std::move(theirs));
        co_return answer;
    }

private:
    static ApiResponse head_of(int status, const Headers& headers) {
        ApiResponse head;
        head.status = status;
        for (const auto& line : headers) head.headers.emplace_back(line.name, line.value);
        return head;
    }
    std::shared_ptr<ServerCore> core_;
};

class ServerHost final : public ApiHost {
public:
    ServerHost(boost::asio::io_context& loop, std::shared_ptr<ServerCore> core)
        : loop_(loop), core_(std::move(core)) {}
    boost::asio::io_context& loop() override { return loop_; }
    std::shared_ptr<ApiPort> port() override { return std::make_shared<ServerPort>(core_); }
    Error bug(const char* what) override {
        return {Fault::internal, "unexpected_exception",
                "Something happened that latchkey does not provide for. Please report it.",
                printable(what)};
    }

private:
    boost::asio::io_context& loop_;
    std::shared_ptr<ServerCore> core_;
};

}  // namespace

Error server_refusal(int status, std::string_view body) {
    boost::system::error_code failed;
    const auto value = boost::json::parse({body.data(), body.size()}, failed);
    if (failed || !value.is_object() || status < 400) {
        return {Fault::misconfigured, "not_a_latchkey_server",
                "The answer is not one of a latchkey server. Check the address of the server."};
    }
    const auto code = text(value.get_object(), "error");
    return {fault_of(status, code), printable(code),
            printable(text(value.get_object(), "message"), 1024)};
}

std::shared_ptr<ApiHost> server_host(boost::asio::io_context& loop,
                                     std::shared_ptr<ServerCore> core) {
    return std::make_shared<ServerHost>(loop, std::move(core));
}

}  // namespace latchkey
