import Foundation
import SwageText

extension ModelConfiguration {
    /// What the `config.json` in a folder says, its weights not being looked at; nil where none is there that can be read.
    package init?(folder path: String) {
        let file = path + "/config.json"
        guard let data = FileManager.default.contents(atPath: file), let json = try? JSONField(json: data, file: file),
            let read = try? ModelConfiguration(configJSON: json, fallbackName: "")
        else { return nil }
        self = read
    }
}
