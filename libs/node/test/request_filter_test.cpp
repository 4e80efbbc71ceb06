#include "openpcc/node/request_filter.h"

#include <set>

#include "openpcc/api/api.h"
#include "openpcc/form/form.h"
#include "openpcc/node/inner_answer.h"
#include "openpcc/node/json_members.h"
#include "openpcc/node/routes.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

const std::vector<Model> kModels{{"m", "m"}, {"org/large", "eng\"ine"}};

bhttp::RequestHead chat() {
  return {"POST", "https", std::string(kInnerAuthority), "/v1/chat/completions", {{"content-type", "application/json"}}};
}

Secret<32> salt() {
  Secret<32> out;
  out.reveal_mutable()[0] = 0xab;
  return out;
}
const std::string kFront = R"(,"cache_salt":"ab)" + std::string(62, '0') + R"(","cache_prompt":false)";

Result<Filtered> filter(const bhttp::RequestHead& head, std::string_view body) {
  return filter_request(head, as_bytes(body), salt(), kModels);
}
Result<Filtered> filter(std::string_view body) { return filter(chat(), body); }

std::string body_of(const Result<Filtered>& filtered) {
  if (!filtered) return describe(filtered.error());
  return std::string(as_text(std::get<EngineRequest>(*filtered).body.reveal()));
}

TEST(RequestFilter, carries_the_applications_members_byte_for_byte) {
  const std::string body =
      "{ \"messages\" : [ {\"role\":\"user\",\"content\":\"\\u00e9 \xc3\xa9\"} ] , \"model\":\"m\",\"temperature\":1.0e0, \"x\":{ } }";
  EXPECT_EQ(body_of(filter(body)),
            "{\"model\":\"m\"" + kFront +
                ",\"messages\" : [ {\"role\":\"user\",\"content\":\"\\u00e9 \xc3\xa9\"} ],\"temperature\":1.0e0,\"x\":{ }}");
}

TEST(RequestFilter, the_engine_is_told_its_own_name_of_the_model) {
  EXPECT_EQ(body_of(filter(R"({"model":"org\/l\u0061rge"})")), R"({"model":"eng\"ine")" + kFront + "}");
}

TEST(RequestFilter, what_the_node_owns_is_never_the_applications) {
  const std::string body =
      R"({"model":"m","cache_salt":"mine","cache_prompt":true,"store":true,"user":"u","metadata":{"a":"b"},"safety_identifier":"s",)"
      R"("id_slot":3,"request_id":"r","prompt_cache_key":"k","prompt_cache_retention":"24h","kv_transfer_params":{"remote_host":"h"},"priority":-9,"logits_processors":["os.system"],"n":1})";
  EXPECT_EQ(body_of(filter(body)), R"({"model":"m")" + kFront + R"(,"n":1})");
  EXPECT_EQ(body_of(filter(R"({"model":"m","c\u0061che_salt":"x","Store":1})")), R"({"model":"m")" + kFront + "}");
}

TEST(RequestFilter, the_engines_body_is_good_json) {
  const std::string body = body_of(filter(R"({"model":"m","messages":[],"user":"u"})"));
  EXPECT_OK(scan_members(body, [](const JsonString&) -> Result<> { return {}; }));
}

TEST(RequestFilter, the_path_is_taken_and_no_field_but_the_type) {
  bhttp::RequestHead head = chat();
  head.fields = {{"content-type", "Application/JSON; charset=utf-8"}, {"accept", "text/event-stream"}, {"authorization", "Bearer x"}};
  const auto filtered = filter(head, R"({"model":"m"})");
  ASSERT_OK(filtered);
  const auto& request = std::get<EngineRequest>(*filtered);
  EXPECT_EQ(request.path, "/v1/chat/completions");
  EXPECT_EQ(request.content_type, "application/json");
}

// The proxy tells a request without a model from one to a path that there is not by the same list.
TEST(Routes, are_the_apis_paths_and_the_list_of_models) {
  std::set<std::string_view> served{kListModels};
  for (const std::string_view path : api::model_paths()) served.insert(path);
  std::set<std::string_view> here;
  for (const Route& route : routes()) here.insert(route.path);
  EXPECT_EQ(here, served);
}

TEST(RequestFilter, every_route_of_the_list_passes) {
  for (const Route& route : routes()) {
    if (route.body != BodyKind::json) continue;
    bhttp::RequestHead head = chat();
    head.path = route.path;
    const auto filtered = filter(head, R"({"model":"m"})");
    ASSERT_OK(filtered);
    EXPECT_EQ(std::get<EngineRequest>(*filtered).path, route.path);
    EXPECT_EQ(body_of(filtered).find("cache_salt") != std::string::npos, route.salted) << route.path;
  }
  bhttp::RequestHead head = chat();
  head.method = "GET";
  head.path = "/v1/models";
  head.fields.clear();
  const auto filtered = filter(head, "");
  ASSERT_OK(filtered);
  EXPECT_TRUE(std::holds_alternative<ListModels>(*filtered));
}

TEST(RequestFilter, control_endpoints_cannot_be_reached) {
  for (const std::string_view path : {"/",
                                      "/metrics",
                                      "/props",
                                      "/slots",
                                      "/load",
                                      "/scale_elastic_ep",
                                      "/invocations",
                                      "/v1/responses/resp_1",
                                      "/v1/responses/resp_1/cancel",
                                      "/v1/models/m",
                                      "/server_info",
                                      "/reset_prefix_cache",
                                      "/v1/load_lora_adapter",
                                      "/sleep",
                                      "/collective_rpc",
                                      "/inference/v1/generate",
                                      "/v1/messages/batches",
                                      "/v1/files",
                                      "/lora-adapters",
                                      "/v1/chat/completions/batch",
                                      "/v1/chat/completions?x=1",
                                      "/v1/chat/../models",
                                      "//v1/models",
                                      "/v1/chat/completions/"}) {
    bhttp::RequestHead head = chat();
    head.path = path;
    EXPECT_RULE(filter(head, R"({"model":"m"})"), "node.filter.path") << path;
  }
}

TEST(RequestFilter, each_part_of_the_head_is_checked) {
  const std::string body = R"({"model":"m"})";
  bhttp::RequestHead head = chat();
  head.scheme = "http";
  EXPECT_RULE(filter(head, body), "node.filter.scheme");
  head = chat();
  head.authority = "node.invalid:443";
  EXPECT_RULE(filter(head, body), "node.filter.authority");
  head = chat();
  head.method = "GET";
  EXPECT_RULE(filter(head, body), "node.filter.method");
  head.path = "/v1/models";
  head.method = "POST";
  EXPECT_RULE(filter(head, body), "node.filter.method");
  for (const std::vector<bhttp::Field>& fields : {std::vector<bhttp::Field>{},
                                                  {{"content-type", "text/plain"}},
                                                  {{"content-type", "application/json"}, {"content-type", "application/json"}}}) {
    head = chat();
    head.fields = fields;
    EXPECT_RULE(filter(head, body), "node.filter.content_type");
  }
}

TEST(RequestFilter, the_model_must_be_one_of_the_nodes) {
  EXPECT_RULE(filter(R"({"messages":[]})"), "node.filter.no_model");
  EXPECT_RULE(filter(R"({"model":null})"), "node.filter.no_model");
  EXPECT_RULE(filter(R"({"model":"other"})"), "node.filter.model");
  EXPECT_RULE(filter(R"({"model":"eng\"ine"})"), "node.filter.model");
  EXPECT_RULE(filter(R"({"model":"m","model":"org/large"})"), "node.json.duplicate");
}

TEST(RequestFilter, media_come_inside_the_request_or_not_at_all) {
  const auto with = [](std::string_view part) {
    return R"({"model":"m","messages":[{"role":"user","content":[)" + std::string(part) + "]}]}";
  };
  for (const std::string_view part :
       {R"({"type":"image_url","image_url":{"url":"https://h/i.png"}})", R"({"type":"image_url","image_url":"http://h"})",
        R"({"type":"image_url","image_url":["http://h"]})", R"({"type":"video_url","video_url":{"url":"file:///etc/passwd"}})",
        R"({"type":"audio_url","audio_url":{"URL":"ftp://h"}})", R"({"image\u005furl":{"url":" data:x"}})",
        R"({"type":"image_url","Image_URL":{"detail":"low","url":""}})"}) {
    EXPECT_RULE(filter(with(part)), "node.filter.media") << part;
  }
  EXPECT_OK(filter(with(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}})")));
  EXPECT_OK(
      filter(R"({"model":"m","metadata":{"hook_url":"https://h/"},"tools":[{"function":{"examples":[{"icon_url":"https://h/"}]}}]})"));
  EXPECT_RULE(filter(R"({"model":"m","input":[{"image_url":"https://h/"}]})"), "node.filter.media");
  EXPECT_RULE(filter(R"({"model":"m","input":[{"type":"input_file","file_url":"https://h/"}]})"), "node.filter.media");
  EXPECT_RULE(filter(with(R"({"type":"image","source":{"type":"url","url":"https://h/"}})")), "node.filter.media");
  EXPECT_OK(filter(with(R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})")));
  EXPECT_RULE(filter(R"({"model":"m","tools":[{"type":"mcp","server_label":"x","server_url":"https://h/"}]})"), "node.filter.media");
  EXPECT_OK(filter(R"({"model":"m","tools":[{"function":{"parameters":{"properties":{"server_url":{"type":"string"}}}}}]})"));
  // A link that is only mentioned is text.
  EXPECT_OK(filter(with(R"({"type":"text","text":"see https://h/","annotations":[{"url_citation":{"url":"https://h/"}}]})")));
}

TEST(RequestFilter, responses_are_not_stored_and_continue_nothing) {
  bhttp::RequestHead head = chat();
  head.path = "/v1/responses";
  EXPECT_EQ(body_of(filter(head, R"({"model":"m","store":true,"previous_response_id":null,"background":false,"input":"x"})")),
            R"({"model":"m")" + kFront + R"(,"store":false,"previous_response_id":null,"background":false,"input":"x"})");
  for (const std::string_view member : {R"("previous_response_id":"resp_1")", R"("background":true)", R"("conversation":{"id":"c"})"}) {
    EXPECT_RULE(filter(head, R"({"model":"m",)" + std::string(member) + "}"), "node.filter.state") << member;
  }
}

// upload is an inner request with a form of the given parts.
Result<Filtered> upload(std::initializer_list<std::pair<form::PartHead, std::string_view>> parts) {
  Bytes body;
  for (const auto& [head, content] : parts) form::append_part(body, "b0undary", head, as_bytes(content));
  form::append_close(body, "b0undary");
  bhttp::RequestHead head = chat();
  head.path = "/v1/audio/transcriptions";
  head.fields = {{"content-type", form::content_type("b0undary")}};
  return filter_request(head, body, salt(), kModels);
}

TEST(RequestFilter, uploads_are_written_anew) {
  const auto filtered = upload({{{"file", "My talk with Dr. X.mp3", "audio/mpeg"}, "ID3..."},
                                {{"model"}, "org/large"},
                                {{"user"}, "me"},
                                {{"timestamp_granularities[]"}, "word"},
                                {{"timestamp_granularities[]"}, "segment"}});
  ASSERT_OK(filtered);
  const auto& request = std::get<EngineRequest>(*filtered);
  EXPECT_EQ(request.path, "/v1/audio/transcriptions");
  EXPECT_EQ(request.content_type.find("b0undary"), std::string::npos);
  const auto parts = form::parse(request.content_type, request.body.reveal());
  ASSERT_OK(parts);
  ASSERT_EQ(parts->size(), 4u);
  EXPECT_EQ(parts->at(0).name, "file");
  EXPECT_EQ(parts->at(0).filename, "upload.mp3");
  EXPECT_EQ(as_text(parts->at(0).content), "ID3...");
  EXPECT_EQ(parts->at(1).name, "model");
  EXPECT_EQ(as_text(parts->at(1).content), "eng\"ine");
  EXPECT_EQ(as_text(parts->at(3).content), "segment");
}

TEST(RequestFilter, file_names_keep_their_ending_alone) {
  for (const auto& [given, kept] : {std::pair{"a.wav", "upload.wav"},
                                    {"noending", "upload"},
                                    {"x.tar.gz", "upload.gz"},
                                    {"../../etc/passwd", "upload"},
                                    {"a.toolongending", "upload"},
                                    {"", "upload"}}) {
    const auto filtered = upload({{{"model"}, "m"}, {{"file", given}, "x"}});
    ASSERT_OK(filtered);
    const auto& request = std::get<EngineRequest>(*filtered);
    EXPECT_EQ(form::parse(request.content_type, request.body.reveal())->at(1).filename, kept) << given;
  }
}

TEST(RequestFilter, forms_have_one_model_one_file_and_plain_names) {
  EXPECT_RULE(upload({{{"file", "a"}, "x"}}), "node.filter.no_model");
  EXPECT_RULE(upload({{{"model"}, "other"}}), "node.filter.model");
  EXPECT_RULE(upload({{{"model"}, "m"}, {{"MODEL"}, "m"}}), "node.filter.form");
  EXPECT_RULE(upload({{{"model"}, "m"}, {{"file", "a"}, "x"}, {{"file2", "b"}, "y"}}), "node.filter.form");
  EXPECT_RULE(upload({{{"model"}, "m"}, {{"na me"}, "x"}}), "node.filter.form");
  bhttp::RequestHead head = chat();
  head.path = "/v1/audio/translations";
  EXPECT_RULE(filter(head, R"({"model":"m"})"), "node.filter.content_type");
  head.fields = {{"content-type", form::content_type("b")}};
  EXPECT_RULE(filter(head, "--b\r\n"), "form.truncated");
  EXPECT_EQ(error_answer(filter(head, "--b\r\n").error()).status, 400);
}

TEST(NotAfter, is_needed_once_in_time_and_not_too_far_ahead) {
  const auto at = [](std::string_view value, UnixSeconds now) {
    return check_not_after({{std::string(envelope::kNotAfterField), std::string(value)}}, now);
  };
  EXPECT_OK(at("1000", 1000));
  EXPECT_OK(at("1600", 1000));
  EXPECT_RULE(at("999", 1000), "node.not_after.passed");
  EXPECT_RULE(at("1601", 1000), "node.not_after.ahead");
  EXPECT_RULE(at("9223372036854775807", 1000), "node.not_after.ahead");
  EXPECT_RULE(check_not_after({}, 1000), "node.not_after.missing");
  for (const std::string_view text : {"", "-1", "+1000", " 1000", "1000 ", "1e3", "99999999999999999999", "x"}) {
    EXPECT_RULE(at(text, 1000), "node.not_after.form") << text;
  }
  const std::string name(envelope::kNotAfterField);
  EXPECT_RULE(check_not_after({{name, "1000"}, {name, "1000"}}, 1000), "node.not_after.form");
}

TEST(Profile, is_balanced_unless_asked_for_once) {
  const std::string name(envelope::kProfileField);
  EXPECT_EQ(*profile_of({}), envelope::Profile::balanced);
  EXPECT_EQ(*profile_of({{name, "strict"}}), envelope::Profile::strict);
  EXPECT_EQ(*profile_of({{name, "low-latency"}}), envelope::Profile::low_latency);
  EXPECT_RULE(profile_of({{name, "fast"}}), "node.filter.profile");
  EXPECT_RULE(profile_of({{name, "strict"}, {name, "strict"}}), "node.filter.profile");
}

TEST(InnerAnswer, an_error_is_openais) {
  const InnerAnswer unknown = error_answer(filter(R"({"model":"other"})").error());
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"error":{"message":"The model does not exist on this node. GET /v1/models lists those that do.",)"
                          R"("type":"invalid_request_error","param":"model","code":"model_not_found"}})");
  const InnerAnswer syntax = error_answer(filter("{").error());
  EXPECT_EQ(syntax.status, 400);
  EXPECT_NE(syntax.body.find(R"("code":"node.json.syntax")"), std::string::npos);
  EXPECT_EQ(error_answer(fail(Code::internal, "test.other").error()).status, 500);
}

TEST(InnerAnswer, an_error_is_anthropics_where_anthropics_api_was_asked) {
  const InnerAnswer unknown = error_answer(filter(R"({"model":"other"})").error(), api::Dialect::anthropic);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_TRUE(unknown.body.starts_with(R"({"type":"error","error":{)")) << unknown.body;
  EXPECT_NE(unknown.body.find(R"("type":"not_found_error")"), std::string::npos);
}

TEST(InnerAnswer, the_models_are_the_nodes_own_names) {
  const InnerAnswer models = models_answer(kModels);
  EXPECT_EQ(models.status, 200);
  EXPECT_EQ(models.body, R"({"object":"list","data":[{"id":"m","object":"model","created":0,"owned_by":"openpcc"},)"
                         R"({"id":"org/large","object":"model","created":0,"owned_by":"openpcc"}]})");
}

}  // namespace
}  // namespace openpcc::node
