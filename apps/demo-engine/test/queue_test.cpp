#include "queue.h"

#include <memory>
#include <vector>

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

using namespace std::chrono_literals;

// Guest holds a place and notes when it is woken.
struct Guest {
  Guest(Queue& queue, std::vector<int>& woken, int number) : place(queue.enter([&woken, number] { woken.push_back(number); })) {}
  Queue::Place place;
};

TEST(Queue, gives_turns_up_to_its_concurrency) {
  Queue queue(2);
  std::vector<int> woken;
  const Guest a(queue, woken, 1), b(queue, woken, 2), c(queue, woken, 3);
  EXPECT_TRUE(a.place.has_turn() && b.place.has_turn());
  EXPECT_FALSE(c.place.has_turn());
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_TRUE(woken.empty());
}

TEST(Queue, passes_turns_on_in_order_of_arrival) {
  Queue queue(1);
  std::vector<int> woken;
  auto a = std::make_unique<Guest>(queue, woken, 1);
  auto b = std::make_unique<Guest>(queue, woken, 2);
  auto c = std::make_unique<Guest>(queue, woken, 3);
  a.reset();
  EXPECT_EQ(woken, std::vector<int>{2});
  EXPECT_TRUE(b->place.has_turn());
  const Guest late(queue, woken, 4);
  EXPECT_FALSE(late.place.has_turn());
  b.reset();
  EXPECT_EQ(woken, (std::vector<int>{2, 3}));
  c.reset();
  EXPECT_TRUE(late.place.has_turn());
}

TEST(Queue, whoever_leaves_while_waiting_is_forgotten) {
  Queue queue(1);
  std::vector<int> woken;
  auto a = std::make_unique<Guest>(queue, woken, 1);
  auto b = std::make_unique<Guest>(queue, woken, 2);
  const Guest c(queue, woken, 3);
  b.reset();
  EXPECT_EQ(queue.waiting(), 1u);
  a.reset();
  EXPECT_EQ(woken, std::vector<int>{3});
}

TEST(Queue, a_free_place_is_free_again) {
  Queue queue(1);
  std::vector<int> woken;
  std::make_unique<Guest>(queue, woken, 1).reset();
  EXPECT_TRUE(Guest(queue, woken, 2).place.has_turn());
}

TEST(Schedule, tokens_do_not_drift) {
  const Schedule schedule{.first_token = 30ms, .each_token = 5ms};
  EXPECT_EQ(schedule.due(0), 30ms);
  EXPECT_EQ(schedule.due(1), 35ms);
  EXPECT_EQ(schedule.due(1000), 5030ms);
  EXPECT_EQ(Schedule{}.due(7), 0ms);
}

}  // namespace
}  // namespace openpcc::demo_engine
