// Moments as people and protocols write them, without a calendar library.

/// A moment in UTC, to the second.
public struct CivilTime: Sendable, Equatable {
    private let year: Int
    private let month: Int
    private let day: Int
    private let weekday: Int
    private let secondOfDay: Int

    /// The moment `unixSeconds` after 1970-01-01T00:00:00Z.
    public init(unixSeconds: Int) {
        let days = Int((Double(unixSeconds) / 86_400).rounded(.down))
        secondOfDay = unixSeconds - days * 86_400
        weekday = ((days + 4) % 7 + 7) % 7
        // Years that begin in March put the leap day last; an era of 400 years has 146,097 days.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The moment as `IMF-fixdate` (RFC 9110 §5.6.7).
    public var imfFixdate: String {
        "\(Self.weekdays[weekday]), \(Self.padded(day)) \(Self.months[month - 1]) \(year) \(timeOfDay) GMT"
    }

    /// The moment as RFC 3339 writes it, up to the seconds and without the zone.
    public var rfc3339Seconds: String {
        "\(year)-\(Self.padded(month))-\(Self.padded(day))T\(timeOfDay)"
    }

    private var timeOfDay: String {
        "\(Self.padded(secondOfDay / 3600)):\(Self.padded(secondOfDay / 60 % 60)):\(Self.padded(secondOfDay % 60))"
    }

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
