import Foundation
import SwageJinja

/// Some templates write the date. Work that goes on writes that of the day on which it began, for its prompts to stay the same.
extension ChatTemplate {
    /// The day that is written, where the template writes a date: `26 Jul 2024`.
    var day: String? { writesDate ? begun ?? Self.formatter.string(from: .now) : nil }

    /// The same, for which it is always that day, as ``day`` has said it.
    func writing(day: String) -> ChatTemplate {
        guard let date = Self.formatter.date(from: day) else { return self }
        let parts = Calendar(identifier: .gregorian).dateComponents([.year, .month, .day], from: date)
        return writing(day: day, clock: .fixed(year: parts.year ?? 1, month: parts.month ?? 1, day: parts.day ?? 1))
    }

    private static var formatter: DateFormatter {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "dd MMM yyyy"
        return formatter
    }
}
