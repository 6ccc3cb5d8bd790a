#include <fstream>
#include <iostream>
#include <iterator>

#include <boost/json.hpp>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

constexpr std::size_t most_body = 1024 * 1024;

Result<std::string> read_body(const std::string& name) {
    if (name.empty()) return std::string{};
    std::ifstream file;
    if (name != "-") file.open(name, std::ios::binary);
    std::istream& in = name == "-" ? std::cin : file;
    if (!in)
        return Error{Fault::bad_input, "body_unreadable", printable(name) + " cannot be read."};
    std::string body{std::istreambuf_iterator<char>{in}, {}};
    if (body.size() > most_body)
        return Error{Fault::bad_input, "body_too_large", "A body may have at most 1 MiB."};
    return body;
}

}  // namespace

int api(const ApiCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto id = choose(**backend, command.connection);
    if (!id) return fail(id.error(), command.json);
    auto body = read_body(command.body_file);
    if (!body) return fail(body.error(), command.json);

    ApiRequest request{*id, command.method, command.path, std::move(*body)};
    bool typed = false;
    for (const auto& line : command.headers) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || colon == 0)
            return fail({Fault::bad_input, "invalid_header", "Write a header as \"Name: value\"."},
                        command.json);
        const auto start = line.find_first_not_of(' ', colon + 1);
        request.headers.emplace_back(line.substr(0, colon),
                                     start == std::string::npos ? "" : line.substr(start));
        typed = typed || ascii_iequal(request.headers.back().first, "Content-Type");
    }
    if (!typed && !request.body.empty())
        request.headers.emplace_back("Content-Type", "application/json");

    auto answer = (*backend)->call(std::move(request));
    if (!answer) return fail(answer.error(), command.json);
    if (command.include) {
        std::cout << "HTTP " << answer->status << "\n";
        for (const auto& [name, value] : answer->headers)
            std::cout << printable(name, 256) << ": " << printable(value, 8192) << "\n";
        std::cout << "\n";
    }
    std::cout << answer->body;
    if (!answer->body.empty() && answer->body.back() != '\n') std::cout << "\n";
    if (answer->status < 400) return 0;
    std::cerr << "latchkey: Salesforce answered with status " << answer->status << "\n";
    return 1;
}

}  // namespace latchkey::cli
