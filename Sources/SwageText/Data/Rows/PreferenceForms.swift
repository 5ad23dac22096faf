/// The forms in which preferences are written.
package enum PreferenceForms {
    /// TRL's, with a prompt beside them or at the beginning of both; and OpenAI's.
    package static let all = [
        RowForm("preferences", [["chosen"], ["rejected"]]), RowForm("OpenAI's preferences", [["preferred_output"], ["non_preferred_output"]]),
    ]
    /// Single completions, each with whether people like it, as KTO learns from them.
    package static let unpaired = RowForm("unpaired preferences", [["completion", "messages", "conversations"], ["label", "kto_tag"]])
}
