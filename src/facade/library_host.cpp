#include <optional>
#include <utility>

#include "facade/acts.h"
#include "facade/api_host.h"

namespace latchkey {
namespace {

/// The house outlives the answer that was opened in it.
class HouseBody final : public AnswerBody {
public:
    HouseBody(std::shared_ptr<House> house, std::unique_ptr<OpenAnswer> answer)
        : house_(std::move(house)), answer_(std::move(answer)) {}
    Task<std::string> read(Deadline by) override {
        const House::Presence counted{*house_};
        auto piece = co_await answer_->read(by);
        co_return piece;
    }

private:
    std::shared_ptr<House> house_;
    std::unique_ptr<OpenAnswer> answer_;
};

/// The gateway behind the port. It holds the house, so that a page fetched ahead finds it standing.
class HousePort final : public ApiPort {
public:
    explicit HousePort(std::shared_ptr<House> house) : house_(std::move(house)) {}

    Task<ApiResponse> call(ApiRequest request, Deadline by) override {
        const House::Presence counted{*house_};
        auto answer = co_await acts::call(*house_, std::move(request), by);
        co_return answer;
    }

    Task<OpenedAnswer> open(ApiRequest request, std::shared_ptr<const std::string> body,
                            Deadline by) override {
        const House::Presence counted{*house_};
        ApiCall call;
        call.connection = std::move(request.connection);
        call.method = std::move(request.method);
        call.target = std::move(request.target);
        for (auto& [name, value] : request.headers) {
            call.headers.add(std::move(name), std::move(value));
        }
        auto opened =
            co_await house_->rooms().open_gateway.open(std::move(call), std::move(body), by);
        if (!opened) co_return opened.error();
        OpenedAnswer answer;
        answer.head.status = opened->status;
        for (const auto& line : opened->headers) {
            answer.head.headers.emplace_back(line.name, line.value);
        }
        answer.body = std::make_unique<HouseBody>(house_, std::move(opened->body));
        co_return answer;
    }

private:
    std::shared_ptr<House> house_;
};

class LibraryHost final : public ApiHost {
public:
    explicit LibraryHost(std::shared_ptr<House> house) : house_(std::move(house)) {}
    boost::asio::io_context& loop() override { return house_->loop(); }
    std::shared_ptr<ApiPort> port() override { return std::make_shared<HousePort>(house_); }
    Error bug(const char* what) override { return house_->bug(what); }

private:
    // One presence stands for all the work of this host.
    void come() override {
        if (under_way_++ == 0) presence_.emplace(*house_);
    }
    void go() override {
        if (--under_way_ == 0) presence_.reset();
    }

    std::shared_ptr<House> house_;
    std::size_t under_way_ = 0;
    std::optional<House::Presence> presence_;
};

}  // namespace

std::shared_ptr<ApiHost> library_host(std::shared_ptr<House> house) {
    return std::make_shared<LibraryHost>(std::move(house));
}

}  // namespace latchkey
