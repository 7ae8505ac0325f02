// Durations such as "30s" and sizes such as "64KiB".

internal import Bytes
internal import JSON

/// A kind of quantity that is written as a whole number and a unit.
struct Quantity: Sendable {
    /// Names of the units and their worth, from the largest to the smallest.
    private let units: [(name: String, worth: Int)]
    /// What to write, for messages.
    let example: String

    /// Durations, in milliseconds.
    static let duration = Quantity(
        units: [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)],
        example: "a duration such as \"30s\", \"5m\" or \"500ms\""
    )

    /// Sizes, in bytes.
    static let size = Quantity(
        units: [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)],
        example: "a size such as \"64KiB\", \"4MiB\" or \"512B\""
    )

    /// What `text` denotes, nil if it is no such quantity or too large for any use.
    func parse(_ text: String) -> Int? {
        let digits = text.utf8.prefix { ASCII.isDigit($0) }
        let name = String(Substring(text.utf8.dropFirst(digits.count)))
        guard let unit = units.first(where: { $0.name == name }), let number = Int(String(digits) ?? "")
        else {
            return nil
        }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit.worth)
        return overflow ? nil : value
    }

    /// `value` in the largest unit that measures it exactly.
    func text(_ value: Int) -> String {
        for unit in units where value != 0 && value % unit.worth == 0 {
            return "\(value / unit.worth)\(unit.name)"
        }
        return "0\(units.last?.name ?? "")"
    }
}

extension Node {
    /// A quantity within `bounds`.
    func quantity(_ kind: Quantity, in bounds: ClosedRange<Int>) -> Int? {
        guard let text = string(kind.example) else { return nil }
        guard let value = kind.parse(text) else {
            error("\"\(text)\" is not a quantity.", "Write \(kind.example).")
            return nil
        }
        guard bounds.contains(value) else {
            let range = "from \(kind.text(bounds.lowerBound)) to \(kind.text(bounds.upperBound))"
            error("\"\(text)\" is out of bounds.", "Choose a value \(range).")
            return nil
        }
        return value
    }

    /// A duration of whole seconds within `bounds`, which are milliseconds; gives seconds.
    func seconds(in bounds: ClosedRange<Int>) -> Int? {
        guard let value = quantity(.duration, in: bounds) else { return nil }
        guard value % 1000 == 0 else {
            error("Claims count whole seconds.", "Write a duration without a fraction of a second.")
            return nil
        }
        return value / 1000
    }

    /// A whole number within `bounds`.
    func count(in bounds: ClosedRange<Int>) -> Int? {
        guard let number = value.number else {
            expected("a whole number")
            return nil
        }
        guard let value = number.integer, bounds.contains(value) else {
            error(
                "The number is out of bounds.",
                "Write a whole number from \(bounds.lowerBound) to \(bounds.upperBound)."
            )
            return nil
        }
        return value
    }
}
