import Foundation

/// Addresses as far as it matters where they lead.
enum HubAddress {
    /// Whether an address is the hub's, by scheme, host and port. A mirror may lead on to the hub that it mirrors.
    static func isHub(_ url: String, _ hub: Hub) -> Bool {
        guard let place = origin(url) else { return false }
        return [hub.endpoint, "https://huggingface.co", "https://hf.co"].contains { origin($0) == place }
    }

    private static func origin(_ text: String) -> [String]? {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(), let host = parts.host?.lowercased() else {
            return nil
        }
        return [scheme, host, "\(parts.port ?? (scheme == "https" ? 443 : 80))"]
    }

    /// Where a redirection leads that may be relative.
    static func joined(_ url: String, _ target: String) -> String {
        if target.hasPrefix("https://") || target.hasPrefix("http://") { return target }
        guard let base = URL(string: url), let joined = URL(string: target, relativeTo: base) else { return target }
        return joined.absoluteString
    }
}
