/// A chat template, parsed once and rendered from any number of threads.
package struct Template: Sendable {
    let statements: [Statement]
    let table: ScopeTable

    /// Parses a source. What Jinja refuses to compile is refused here, and so is what this interpreter does not have, unless
    /// Jinja itself would look for it only when it gets there.
    package init(_ source: String, limits: TemplateLimits = TemplateLimits()) throws {
        var parser = try Parser(source, limits: limits)
        statements = try parser.template()
        table = try Resolver.table(statements, names: parser.names, scopeCount: parser.scopeCount)
    }

    /// Renders the template with the values of some names.
    ///
    /// `now` is the local time that `strftime_now` writes.
    package func render(
        _ context: [String: TemplateValue], limits: TemplateLimits = TemplateLimits(), now: TemplateClock = .system
    ) throws -> Rendering {
        let interpreter = Interpreter(table, limits: limits, clock: now)
        defer { interpreter.release() }
        return try interpreter.render(statements, context)
    }
}
