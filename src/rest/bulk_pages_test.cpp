#include "rest/bulk_pages.h"

#include <deque>
#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include "rest/bulk_results.h"
#include "tests/support/run.h"

namespace latchkey::rest {
namespace {

const std::string running = R"({"id":"750R0000000zlh9IAA","state":"InProgress"})";
const std::string complete =
    R"({"id":"750R0000000zlh9IAA","state":"JobComplete","numberRecordsProcessed":4})";

/// A body that comes in small pieces, and may be cut behind them.
class TextBody final : public AnswerBody {
public:
    TextBody(std::string text, bool cut) : text_(std::move(text)), cut_(cut) {}
    Task<std::string> read(Deadline) override {
        if (at_ == text_.size() && cut_) {
            co_return Error{Fault::try_later, "answer_cut", "Cut."};
        }
        const std::string piece = text_.substr(at_, 65536);
        at_ += piece.size();
        co_return piece;
    }

private:
    std::string text_;
    std::size_t at_ = 0;
    bool cut_;
};

/// A Salesforce in a few lines: jobs answer in the order of a script, pages by what they are asked.
class FakePort final : public ApiPort {
public:
    struct Page {
        std::string csv;
        std::string locator = "null";
        bool cut = false;
        int status = 200;
    };
    Task<ApiResponse> call(ApiRequest request, Deadline) override {
        calls.push_back(request.method + " " + request.target);
        if (during_call) during_call(request);
        if (jobs.empty()) co_return Error{Fault::internal, "not_in_script", "No job left."};
        auto next = std::move(jobs.front());
        jobs.pop_front();
        if (!next) co_return next.error();
        ApiResponse answer;
        answer.status = 200;
        answer.body = *next;
        co_return answer;
    }
    Task<OpenedAnswer> open(ApiRequest request, std::shared_ptr<const std::string>,
                            Deadline) override {
        calls.push_back(request.method + " " + request.target);
        const Page page = page_of(request.target);
        OpenedAnswer answer;
        answer.head.status = page.status;
        answer.head.headers.emplace_back("Sforce-Locator", page.locator);
        answer.body = std::make_unique<TextBody>(page.csv, page.cut);
        co_return answer;
    }

    std::deque<Result<std::string>> jobs;
    std::function<Page(const std::string& target)> page_of;
    std::function<void(const ApiRequest&)> during_call;
    std::vector<std::string> calls;
};

struct PagesBench {
    std::shared_ptr<FakePort> port = std::make_shared<FakePort>();
    boost::asio::io_context loop;
    std::shared_ptr<RowSource> source;

    PagesBench() { port->jobs = {running, complete}; }
    void query(std::size_t page_size = 20000) {
        BulkQueryOptions options;
        options.page_size = page_size;
        source =
            std::make_shared<BulkPages>(Place{port, ConnectionId{"cn_ada"}}, "SELECT Id", options);
    }
    Result<CsvPage> next() {
        auto batch = test::run(loop, source->next(Deadline::in(std::chrono::seconds{30})));
        if (!batch) return batch.error();
        return (*batch)->claim();
    }
    std::size_t asked(const std::string& part) const {
        std::size_t count = 0;
        for (const auto& call : port->calls) count += call.find(part) != std::string::npos ? 1 : 0;
        return count;
    }
};

bool first(const std::string& target) {
    return target.find("locator=") == std::string::npos;
}

}  // namespace

TEST_CASE("a page that was cut is asked for again by its locator, and no row comes twice") {
    PagesBench bench;
    int cuts = 1;
    bench.port->page_of = [&](const std::string& target) -> FakePort::Page {
        if (first(target)) return {"Id\n1\n2\n", "second"};
        if (cuts-- > 0) return {"Id\n3\n", "null", true};
        return {"Id\n3\n4\n"};
    };
    bench.query();
    CHECK(bench.next()->size() == 2);
    const auto cut = bench.next();
    REQUIRE(cut.has_error());
    CHECK(cut.error().code == "upstream_answer_lost");
    CHECK(cut.error().fault == Fault::try_later);
    const auto again = bench.next();
    REQUIRE(again.has_value());
    CHECK(again->size() == 2);
    CHECK((*again)[0][0] == "3");
    CHECK(bench.next()->empty());
    CHECK(bench.asked("locator=second") == 2);
}

TEST_CASE("a page that its caller did not wait for is given to the next one") {
    PagesBench bench;
    bench.port->page_of = [](const std::string& target) -> FakePort::Page {
        if (first(target)) return {"Id\n1\n", "second"};
        return {"Id\n2\n"};
    };
    bench.query();
    const auto unread =
        test::run(bench.loop, bench.source->next(Deadline::in(std::chrono::seconds{30})));
    REQUIRE((*unread)->page.size() == 1);
    CHECK((*bench.next())[0][0] == "1");
    CHECK((*bench.next())[0][0] == "2");
    CHECK(bench.next()->empty());
}

TEST_CASE("a stream that is dropped while its job is being made ends the job") {
    PagesBench bench;
    bench.query();
    bench.port->during_call = [&](const ApiRequest& request) {
        if (request.method == "POST") bench.source->drop();
    };
    const auto dropped = bench.next();
    REQUIRE(dropped.has_error());
    CHECK(dropped.error().code == "cancelled");
    CHECK(bench.asked("PATCH ") == 1);
    CHECK(bench.asked("GET ") == 0);
    CHECK(bench.next().has_error());
}

TEST_CASE("a page over 16 MiB is asked for again with half as many rows") {
    PagesBench bench;
    const std::string row(1024 * 1024 - 1, 'x');
    bench.port->page_of = [&](const std::string& target) -> FakePort::Page {
        std::string csv = "Text\n";
        const bool half = target.find("maxRecords=10") != std::string::npos;
        for (int i = 0; i < (half ? 10 : 20); ++i) csv += row + "\n";
        return {csv};
    };
    bench.query(20);
    const auto page = bench.next();
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    CHECK(page->size() == 10);
    CHECK(bench.asked("maxRecords=20") == 1);
}

TEST_CASE(
    "a page without rows is not the end while there is a locator; a result without bytes is") {
    PagesBench bench;
    bench.port->page_of = [&](const std::string& target) -> FakePort::Page {
        if (first(target)) return {"Id\n", "second"};
        return {"Id\n9\n"};
    };
    bench.query();
    CHECK(bench.next()->size() == 1);
    PagesBench empty;
    empty.port->page_of = [](const std::string&) -> FakePort::Page { return {""}; };
    empty.query();
    CHECK(empty.next()->empty());
}

TEST_CASE("results that are not CSV, or change their columns, are never taken for rows") {
    for (const std::string csv : {"Id\n1,2\n", "Id\n\"1\n", "Other\n1\n"}) {
        PagesBench bench;
        bench.port->page_of = [&](const std::string& target) -> FakePort::Page {
            if (first(target)) return {"Id\n1\n", "second"};
            return {csv};
        };
        bench.query();
        REQUIRE(bench.next().has_value());
        const auto wrong = bench.next();
        REQUIRE(wrong.has_error());
        CHECK(wrong.error().code == "upstream_invalid_response");
        CHECK(wrong.error().fault == Fault::try_later);
    }
}

TEST_CASE("a lost look at a job is repeated, a refused one is not") {
    PagesBench bench;
    bench.port->jobs = {running, Error{Fault::outcome_unknown, "upstream_answer_lost", "Lost."},
                        complete};
    bench.port->page_of = [](const std::string&) -> FakePort::Page { return {"Id\n1\n"}; };
    bench.query();
    CHECK(bench.next()->size() == 1);
    PagesBench refused;
    refused.port->jobs = {running, Error{Fault::reauthorize, "reauth_required", "Connect again."},
                          complete};
    refused.port->page_of = bench.port->page_of;
    refused.query();
    CHECK(refused.next().error().code == "reauth_required");
}

TEST_CASE("a query job that failed or was aborted says so") {
    PagesBench bench;
    bench.port->jobs = {
        R"({"id":"750R0000000zlh9IAA","state":"Failed","errorMessage":"retried too often"})"};
    bench.query();
    const auto failed = bench.next();
    REQUIRE(failed.has_error());
    CHECK(failed.error().code == "bulk_job_failed");
    CHECK(failed.error().remote_text == "retried too often");
    PagesBench aborted;
    aborted.port->jobs = {R"({"id":"750R0000000zlh9IAA","state":"Aborted"})"};
    aborted.query();
    CHECK(aborted.next().error().code == "bulk_job_aborted");
}

TEST_CASE("results of a load come in pages of thousands, and an error in them stays") {
    auto port = std::make_shared<FakePort>();
    std::string csv = "sf__Id,sf__Created,Name\n";
    for (int i = 0; i < 9000; ++i) csv += "001,true,Name " + std::to_string(i) + "\n";
    port->page_of = [&](const std::string&) -> FakePort::Page { return {csv, "null", true}; };
    boost::asio::io_context loop;
    const std::shared_ptr<RowSource> source = std::make_shared<BulkResults>(
        Place{port, ConnectionId{"cn_ada"}}, "750R0000000zlh9IAA", BulkOutcome::successful);
    const auto next = [&] {
        return test::run(loop, source->next(Deadline::in(std::chrono::seconds{30})));
    };
    std::size_t rows = 0;
    auto batch = next();
    for (; batch; batch = next()) {
        const CsvPage page = (*batch)->claim();
        CHECK(page.size() < 5000);
        rows += page.size();
    }
    CHECK(batch.error().code == "upstream_answer_lost");
    CHECK(rows <= 9000);
    CHECK(next().error().code == "upstream_answer_lost");
    CHECK(port->calls.size() == 1);
}

}  // namespace latchkey::rest
