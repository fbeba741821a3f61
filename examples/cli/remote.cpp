#include <curl/curl.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::cli {

namespace {

using nlohmann::json;

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
    static_cast<std::string*>(into)->append(data, size * count);
    return size * count;
}

/// One request to the operator's surface, bounded in time.
Result<json> call(const RemoteOptions& options, const std::string& method, const std::string& path,
                  const json& body = nullptr) {
    if (options.token.empty()) {
        return Error{Errc::invalid, "whom shall it reach?", "--token",
                     "give the token file of a running gate, or a campaign file with [quota] to reach every node"};
    }
    Result<Secret> token = read_secret("file:" + options.token, ".");
    if (!token) {
        Error why = token.error();
        why.where = options.token;
        std::error_code ignored;
        if (!std::filesystem::exists(options.token, ignored)) {
            why.what = "there is no such token file";
            why.hint =
                "`run --listen` prints where its token lies: control.token beside the ledger, unless --token named "
                "another";
        }
        return why;
    }
    const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
    if (!easy) return Error{Errc::internal, "no HTTP client", "", ""};
    const bool local_socket = options.control.starts_with("unix:");
    const std::string url = "http://" + (local_socket ? std::string("localhost") : options.control) + path;
    if (local_socket) curl_easy_setopt(easy.get(), CURLOPT_UNIX_SOCKET_PATH, options.control.c_str() + 5);
    curl_slist* list = curl_slist_append(nullptr, ("Authorization: Bearer " + token->reveal()).c_str());
    list = curl_slist_append(list, "Content-Type: application/json");
    list = curl_slist_append(list, ("Tidegate-Operator: " + operator_name()).c_str());
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);
    const std::string text = body.is_null() ? "" : body.dump();
    std::string answer;
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
    if (method == "POST") {
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(text.size()));
        curl_easy_setopt(easy.get(), CURLOPT_COPYPOSTFIELDS, text.c_str());
    }
    if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK) {
        return Error{Errc::unavailable, std::string("no answer: ") + curl_easy_strerror(code), options.control,
                     "is a gate running there? `run --listen` prints its address"};
    }
    json parsed = json::parse(answer, nullptr, false);
    if (parsed.is_discarded()) return Error{Errc::unavailable, "the answer is not JSON", options.control, ""};
    if (parsed.contains("error")) return Error{Errc::refused, parsed["error"].get<std::string>(), options.control, ""};
    return parsed;
}

Result<std::string> campaign_of(const RemoteOptions& options) {
    if (!options.campaign.empty()) return options.campaign;
    Result<json> now = call(options, "GET", "/status");
    if (!now) return now.error();
    std::string only;
    for (const json& campaign : (*now)["campaigns"]) {
        if (campaign["state"] != "running") continue;
        if (!only.empty())
            return Error{Errc::invalid, "several campaigns run there", options.control, "name one of them"};
        only = campaign["campaign"].get<std::string>();
    }
    if (only.empty()) return Error{Errc::not_found, "no campaign runs there", options.control, ""};
    return only;
}

int finish(const RemoteOptions& options, const Result<json>& answer, const std::string& said) {
    if (!answer) return tell({answer.error()}, options.json);
    std::cout << (options.json ? answer->dump() : said) << '\n';
    return ok;
}

int campaign_verb(const RemoteOptions& options, const std::string& verb, const json& body, const std::string& said) {
    Result<std::string> id = campaign_of(options);
    if (!id) return tell({id.error()}, options.json);
    return finish(options, call(options, "POST", "/campaigns/" + *id + "/" + verb, body), *id + ": " + said);
}

std::string text_or_dash(const json& value, const char* unit) {
    return value.is_number() ? std::to_string(std::llround(value.get<double>())) + unit : std::string("-");
}

/// A campaign file in place of an id, and no gate's token: every node is meant.
bool everywhere(const RemoteOptions& options) {
    std::error_code ignored;
    return options.token.empty() &&
           (options.campaign.ends_with(".toml") || std::filesystem::is_regular_file(options.campaign, ignored));
}

}  // namespace

int status(const RemoteOptions& options) {
    Result<json> now = call(options, "GET", "/status");
    if (!now) return tell({now.error()}, options.json);
    if (options.json) {
        std::cout << now->dump() << '\n';
        return ok;
    }
    for (const json& campaign : (*now)["campaigns"]) {
        const std::uint64_t all = campaign["recipients"].get<std::uint64_t>();
        const std::uint64_t pending = campaign["outcomes"]["pending"].get<std::uint64_t>();
        std::cout << campaign["campaign"].get<std::string>() << ": "
                  << (campaign["paused"].get<bool>() ? "paused" : campaign["state"].get<std::string>()) << ", "
                  << grouped(all - pending) << " of " << grouped(all) << ", " << text_or_dash(campaign["rate"], "/s")
                  << " (allowed " << text_or_dash(campaign["allowed"], "/s") << ")\n  "
                  << campaign["reason"].get<std::string>() << '\n';
    }
    for (const json& backend : (*now)["backends"]) {
        std::cout << backend["name"].get<std::string>() << ": " << backend["state"].get<std::string>() << ", p99 "
                  << text_or_dash(backend["p99_ms"], " ms") << " of " << text_or_dash(backend["slo_ms"], " ms")
                  << ", load " << text_or_dash(backend["load"], "/s") << ", committed "
                  << text_or_dash(backend["committed"], "/s") << '\n';
        if (!backend["reason"].get<std::string>().empty())
            std::cout << "  " << backend["reason"].get<std::string>() << '\n';
    }
    if (const auto quota = now->find("quota"); quota != now->end() && quota->is_object()) {
        const std::string trouble = (*quota)["trouble"].get<std::string>();
        const std::string leader = (*quota)["leader"].get<std::string>();
        std::cout << "shared quota: " << ((*quota)["reachable"].get<bool>() ? "reachable" : "not reachable")
                  << (trouble.empty() ? "" : " (" + trouble + ")") << (leader.empty() ? "" : ", led by " + leader)
                  << '\n';
    }
    return ok;
}

int pause(const RemoteOptions& options) {
    if (everywhere(options)) return order_campaign(options, QuotaOrder::State::pause, "paused");
    return campaign_verb(options, "pause", nullptr, "paused");
}
int resume(const RemoteOptions& options) {
    if (everywhere(options)) return order_campaign(options, QuotaOrder::State::run, "goes on");
    return campaign_verb(options, "resume", nullptr, "goes on");
}
int abort(const RemoteOptions& options) {
    if (everywhere(options)) return order_campaign(options, QuotaOrder::State::abort, "aborted for good");
    return campaign_verb(options, "abort", nullptr, "aborted for good");
}

int rate(const RemoteOptions& options) {
    if (options.rate == "configured") {
        if (everywhere(options)) return order_rate(options, Rate::unlimited(), "rate as configured");
        return campaign_verb(options, "rate", {{"per_second", nullptr}}, "rate as configured");
    }
    std::size_t used = 0;
    double value = -1;
    try {
        value = std::stod(options.rate, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used != options.rate.size() || !(value >= 0 && std::isfinite(value))) {
        return tell({{Errc::invalid, "\"" + options.rate + "\" is not a rate", "rate",
                      "give messages per second, or \"configured\""}},
                    options.json);
    }
    if (everywhere(options)) return order_rate(options, Rate{value}, "at most " + options.rate + "/s");
    return campaign_verb(options, "rate", {{"per_second", value}}, "at most " + options.rate + "/s");
}

int hold(const RemoteOptions& options) {
    if (!options.domain.empty()) return order_hold(options);
    if (options.backend.empty()) {
        return tell({{Errc::invalid, "what shall be held?", "hold",
                      "--backend NAME at one gate, or --domain FILE for every node of a domain"}},
                    options.json);
    }
    return finish(options,
                  call(options, "POST", "/backends/" + options.backend + "/hold", {{"held", !options.release}}),
                  options.backend + (options.release ? ": released" : ": held; nothing that loads it is sent"));
}

}  // namespace tidegate::cli
