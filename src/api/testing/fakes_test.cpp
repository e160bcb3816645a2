#include "api/testing/world_test.h"

// One function of each fake, so that the rest of it is compiled here once; and what a client of the world does.
namespace gongshu::api::test {

Result<flow::Alarm> FakeAlarms::get(TenantId tenant, std::string_view id) const {
    const auto found = alarms.find(std::string{id});
    if (found == alarms.end() || found->second.tenant != tenant)
        return Error{Code::not_found, "there is no alarm \"{}\"", id};
    return found->second;
}

std::vector<flow::VirtualState> FakeVirtualTags::states(TenantId tenant) const {
    return tenant == TenantId{1} ? kept_states : std::vector<flow::VirtualState>{};
}

void FakeFlow::on_rows(ShardId, const Rows& rows) { rows_seen += rows.size(); }

void FakeConnections::start() {}

std::string World::token(std::string_view role, std::string_view tenant) {
    const TenantId id = *registry->tenant_id(tenant);
    const registry::Actor actor{id, std::string{tenant}, "system", registry::Role::admin, ""};
    const std::string name = fmt::format("t-{}", role);
    const auto put =
        registry->put(actor, "token", name, registry::parse_json(fmt::format(R"({{"role":"{}"}})", role)).value());
    EXPECT_TRUE(put) << (put ? "" : put.error().text());
    return auth->issue_token(actor, name).value();
}

Reply World::ask(std::string_view method, std::string_view target, const Wanted& wanted) {
    wire::HttpRequest request;
    request.method = wire::HttpMethod::other;
    request.method_text = method;
    request.target = target;
    request.headers = wanted.headers;
    request.body = wanted.body;
    std::string bytes;
    wire::write_request(bytes, request, wanted.host);
    return exchange(bytes, method == "HEAD");
}

Reply World::as(const std::string& token, std::string_view method, std::string_view target, std::string body,
                wire::HttpHeaders headers) {
    headers.push_back({"authorization", "Bearer " + token});
    return ask(method, target, {std::move(headers), std::move(body), "127.0.0.1:8080"});
}

Reply World::exchange(const std::string& bytes, bool head_only) {
    Reply reply;
    wire::HttpResponseParser parser;
    bool closed = false;
    auto stream = connect();
    stream->start({.on_data =
                       [&](Bytes received) {
                           const auto fed = parser.feed(received, head_only);
                           EXPECT_TRUE(fed) << fed.error().text();
                       },
                   .on_closed =
                       [&](const Error&) {
                           closed = true;
                           std::ignore = parser.finish();
                       },
                   .on_drained = {}});
    stream->send(as_bytes(bytes));
    sim.run_until([&] { return parser.done() || closed; }, 30 * kSecond);
    if (!parser.done()) return reply;
    return {parser.response().status, parser.response().headers, parser.response().body};
}

std::unique_ptr<io::Stream> World::connect() {
    std::unique_ptr<io::Stream> stream;
    client_loop->connect(address, {},
                         [&](Result<std::unique_ptr<io::Stream>> made) { stream = std::move(made).value(); });
    EXPECT_TRUE(sim.run_until([&] { return stream != nullptr; }, kMinute));
    return stream;
}

}  // namespace gongshu::api::test
