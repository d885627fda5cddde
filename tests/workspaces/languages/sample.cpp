#include <memory>
#include <string>
#include <vector>

#define CHECK(x) do { if (!(x)) abort(); } while (0)

namespace geo {

using Points = std::vector<struct Point>;

constexpr int kLimit = 10;

enum class Axis { X, Y };

struct Point {
    double x = 0;
    double y = 0;

    Point operator+(const Point& other) const { return {x + other.x, y + other.y}; }
};

// A shape that can be measured.
template <typename T>
class Shape {
public:
    explicit Shape(std::string name) : name_(std::move(name)) {}
    virtual ~Shape() = default;

    virtual T area() const = 0;

    const std::string& name() const { return name_; }

    operator bool() const { return !name_.empty(); }

private:
    std::string name_;
};

class Circle final : public Shape<double> {
public:
    explicit Circle(double radius);
    double area() const override;
    ~Circle();

private:
    double radius_;
};

Circle::Circle(double radius) : Shape("circle"), radius_(radius) {}

Circle::~Circle() {
    radius_ = 0;
}

double Circle::area() const {
    return 3.14159 * radius_ * radius_;
}

template <typename T>
std::unique_ptr<Shape<T>> Factory<T>::make(const std::string& name)
{
    if (name == "circle") {
        return std::make_unique<Circle>(1.0);
    }
    return nullptr;
}

bool operator==(const Point& a, const Point& b) {
    return a.x == b.x && a.y == b.y;
}

namespace {

int helper(int value) {
    return value + kLimit;
}

}  // namespace

namespace detail::inner {
Point* find(Points& points) {
    return points.empty() ? nullptr : &points.front();
}
}

}  // namespace geo

int main() {
    return 0;
}
