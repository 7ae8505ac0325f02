// Untrusted values as text that may stand on a terminal: bounded, and without anything that a terminal obeys.

internal import Bytes
internal import HTTP
internal import JSON

/// Writes what somebody else chose so that it can do no harm and cannot pass for something else.
public enum ClaimText {
    /// Most characters of one text.
    public static let maximumLength = 400

    /// `text` in printable ASCII, everything else written as `\u{…}`: letters that only look alike are seen, too.
    public static func printable(_ text: String, maximumLength: Int = maximumLength) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            guard result.utf8.count < maximumLength else { return result + "… (\(text.utf8.count) bytes)" }
            let isPlain = scalar.value >= 0x20 && scalar.value < 0x7F && scalar != "\\"
            if isPlain {
                result.unicodeScalars.append(scalar)
            } else {
                result += scalar == "\\" ? "\\\\" : "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    /// A value of a token: a string as it is, a list of strings with commas between, anything else as JSON.
    static func describe(_ value: JSONValue?) -> String {
        guard let value else { return "absent" }
        if let string = value.string { return string.isEmpty ? "an empty string" : printable(string) }
        if let strings = value.strings, !strings.isEmpty { return list(strings) }
        var writer = JSONWriter()
        writer.value(value)
        let text = writer.finish()
        return printable(String(lossy: text.span))
    }

    /// `texts` with commas between, none of them able to look like two.
    static func list(_ texts: [String]) -> String {
        let visible = texts.prefix(32).map { $0.isEmpty || $0.utf8.contains(ASCII.space) ? "\"\($0)\"" : $0 }
        return printable(visible.joined(separator: ", "))
    }

    /// A NumericDate with its distance from `now`, or the value as it is where it is none.
    static func time(_ value: JSONValue?, now: Int64) -> String {
        guard let number = value?.number?.double, number >= 0, number < 253_402_300_800 else {
            return describe(value)
        }
        let seconds = Int64(number)
        let distance = seconds - now
        let words =
            distance == 0 ? "now" : distance < 0 ? "\(duration(-distance)) ago" : "in \(duration(distance))"
        return "\(time(seconds)) (\(words))"
    }

    /// A moment between 1970 and 9999 in UTC.
    static func time(_ seconds: Int64) -> String {
        CivilTime(unixSeconds: Int(seconds)).rfc3339Seconds + "Z"
    }

    /// A number of seconds in its largest fitting unit.
    static func duration(_ seconds: Int64) -> String {
        switch seconds {
        case 172_800...: "\(seconds / 86_400) days"
        case 7200...: "\(seconds / 3600) h"
        case 120...: "\(seconds / 60) min"
        default: "\(seconds) s"
        }
    }
}
