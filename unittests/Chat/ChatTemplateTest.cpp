//===- ChatTemplateTest.cpp - Chat templates against Jinja 2 --------------===//

#include "winnow/Chat/ChatTemplate.h"

#include "Json.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>

using namespace winnow;

namespace {

struct Case {
  std::string name, text;
  std::vector<ChatMessage> messages;
  ChatContext context;
  std::optional<std::string> expected;
};

std::vector<Case> readCases() {
  std::ifstream file(WINNOW_GOLDENS "/chat/chat.json");
  std::string text{std::istreambuf_iterator<char>(file), {}}, error;
  std::optional<run::Json> json = run::parseJson(text, error);
  EXPECT_TRUE(json) << error;
  std::vector<Case> cases;
  if (!json)
    return cases;
  for (const run::Json &item : json->find("cases")->items) {
    Case read;
    read.name = item.find("name")->text;
    read.text = item.find("template")->text;
    for (const run::Json &message : item.find("messages")->items)
      read.messages.push_back(
          {message.find("role")->text, message.find("content")->text});
    read.context = {"<s>", "</s>", item.find("add_generation_prompt")->boolean,
                    static_cast<int64_t>(*json->find("now")->number())};
    if (item.find("expected")->kind == run::Json::Kind::String)
      read.expected = item.find("expected")->text;
    cases.push_back(read);
  }
  return cases;
}

/// The prompt, or nothing and a message.
std::optional<std::string> render(const std::string &text,
                                  const std::vector<ChatMessage> &messages,
                                  const ChatContext &context,
                                  std::string &error) {
  std::string prompt;
  std::unique_ptr<ChatTemplate> parsed = ChatTemplate::parse(text, error);
  if (!parsed || !parsed->render(messages, context, prompt, error))
    return std::nullopt;
  return prompt;
}

std::string errorOf(const std::string &text) {
  std::string error;
  std::optional<std::string> prompt =
      render(text, {{"user", "hello"}}, {}, error);
  EXPECT_FALSE(prompt) << text;
  return error;
}

} // namespace

TEST(ChatTemplate, AgreesWithJinja) {
  setenv("TZ", "UTC", 1);
  tzset();
  std::vector<Case> cases = readCases();
  EXPECT_GT(cases.size(), 300u);
  for (const Case &golden : cases) {
    std::string error;
    EXPECT_EQ(render(golden.text, golden.messages, golden.context, error),
              golden.expected)
        << golden.name << "\n"
        << error;
  }
}

TEST(ChatTemplate, DividesTheLeastNumber) {
  std::string error;
  EXPECT_EQ(render("{{ -9223372036854775807 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} "
                   "{{ (-9223372036854775807 - 1) % 3 }} "
                   "{{ (-9223372036854775807 - 1) // 3 }}",
                   {}, {}, error),
            // Python's answers.
            "2 2 -2 1 -3074457345618258603")
      << error;
}

TEST(ChatTemplate, ErrorsNameTheLine) {
  EXPECT_EQ(errorOf("a\n{{ raise_exception('no') }}"),
            "chat template, line 2: no");
  EXPECT_EQ(errorOf("{% for x in messages %}"),
            "chat template, line 1: expects 'endfor' before the end");
  EXPECT_EQ(errorOf("\n\n{{ 1 | shout }}"),
            "chat template, line 3: no filter named 'shout'");
  EXPECT_EQ(errorOf("{{ missing.x }}"),
            "chat template, line 1: 'missing' is undefined");
  EXPECT_EQ(errorOf("{{ 'a"), "chat template, line 1: the string has no end");
}

TEST(ChatTemplate, WorkAndDepthAreBounded) {
  std::string deep(5000, '('), minus(5000, '-'), chain = "1";
  for (int i = 0; i < 5000; ++i)
    chain += "+1";
  for (const std::string &text :
       {"{{ " + deep + std::string(5000, ')') + "}}", "{{ " + minus + "1 }}",
        "{{ " + chain + " }}"})
    EXPECT_NE(errorOf(text).find("nested too deep"), std::string::npos);
  std::string blocks;
  for (int i = 0; i < 5000; ++i)
    blocks += "{% if 1 %}";
  EXPECT_NE(errorOf(blocks).find("nested too deep"), std::string::npos);
  for (const char *text : {
           "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
           "{% endfor %}",
           "{{ range(999999999999) | list }}",
           "{{ 'x' * 999999999999 }}",
           "{{ [1] * 99999999 }}",
           "{{ ('x' * 999999).replace('', 'y' * 999999) }}",
           "{{ (['x' * 999999] * 999) | join('y' * 999999) }}",
           "{{ ('a,' * 9999999).split(',') | length }}",
           "{{ {'a': 1} | tojson(indent=999999999) }}",
           "{% set n = namespace(x='x') %}{% for i in range(99) %}"
           "{% set n.x = n.x + n.x %}{% endfor %}",
           "{% set n = namespace(x=[]) %}{% for i in range(99) %}"
           "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
           "{% set n = namespace(x=[]) %}{% for i in range(9999) %}"
           "{% set n.x = [n.x] %}{% endfor %}",
           "{% for i in range(200) %}{% set x = 2121 * [['a', 'few texts', 'of "
           "some length']] ~ '' %}{% endfor %}",
           "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
           "{{ strftime_now('%c' * 999) }}",
           "{{ 9223372036854775807 + 1 }}",
           "{{ 99999999999999999999 }}",
       })
    errorOf(text);
  // Circles are no leak.
  std::string error;
  EXPECT_EQ(render("{% set n = namespace() %}{% set n.n = [n] %}{{ n.n }}", {},
                   {}, error),
            "[<Namespace>]");
}

TEST(ChatTemplate, DamagedTemplatesDoNotCrash) {
  std::mt19937 random(7);
  const std::string marks = "{}%#-'\"()[]|.,:+~ \n\\0azif";
  for (const Case &golden : readCases())
    for (int round = 0; round < 20; ++round) {
      std::string text = golden.text, error;
      for (int change = 0; change < 3 && !text.empty(); ++change) {
        size_t at = random() % text.size();
        switch (random() % 3) {
        case 0:
          text[at] = marks[random() % marks.size()];
          break;
        case 1:
          text.erase(at, 1 + random() % 4);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 9));
        }
      }
      if (!render(text, golden.messages, golden.context, error))
        EXPECT_EQ(error.compare(0, 20, "chat template, line "), 0) << error;
    }
}
