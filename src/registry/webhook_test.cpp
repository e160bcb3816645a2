#include "registry/kind_of.h"
#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

struct WebhookSpec {
    std::string url;
    std::optional<std::string> password;
    std::optional<std::string> connection;
};
BOOST_DESCRIBE_STRUCT(WebhookSpec, (), (url, password, connection))

std::vector<Fact> facts_of(const WebhookSpec*) {
    return {{.field = "url", .title_zh = "地址", .title_en = "URL", .required = true},
            {.field = "password", .title_zh = "密码", .title_en = "Password", .secret = true},
            {.field = "connection", .title_zh = "连接", .title_en = "Connection", .ref = "connections"}};
}

}  // namespace

Kind webhook_kind() {
    return make_kind<WebhookSpec>({.name = "webhook",
                                   .plural = "webhooks",
                                   .title_zh = "回调",
                                   .title_en = "Webhook",
                                   .about_zh = "测试用",
                                   .about_en = "For tests"});
}

}  // namespace gongshu::registry::test
