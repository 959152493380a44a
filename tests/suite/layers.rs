//! Reads the imports of every crate of the workspace: no cycle of files outside a parent and its
//! children, no layer that names one above it, and no two types of one name. And the width of every
//! file.
//!
//! The files are read as tokens, so that grouped and nested `use`, `super::`, paths in the middle
//! of code and paths inside macros count like a plain `use crate::…`. A name that a module
//! re-exports counts as the file that defines it. What stands under `#[cfg(test)]` may import
//! anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, mem, slice};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The layers of a crate, first to last: a file names only its own layer and earlier ones. A file
/// or folder directly under `src` that is not listed puts the layers together, and stands above all
/// of them.
const LAYERS: [(&str, &[&str]); 3] = [
    ("gate-core", &["text", "id people", "call", "approval assessment grants records", "ports"]),
    (
        "gate-runtime",
        &[
            "lock random private_file",
            "provenance",
            "logic",
            "ports",
            "engine outbox sealing",
            "adapters",
        ],
    ),
    (
        "gate-audit",
        &[
            "error encoding files",
            "hash head frontier prove",
            "key note checkpoint",
            "witness_policy log_keys",
            "tile_path tiles folder_keys writer",
            "add_checkpoint witness",
            "receipt",
        ],
    ),
];

#[test]
fn no_cycle_of_files_outside_a_parent_and_its_children() {
    let mut found = BTreeMap::new();
    for modules in crates().values() {
        for cycle in modules.cycles() {
            let arrows = modules.arrows_within(&cycle).join("\n");
            found.extend(cycle.into_iter().map(|file| (file, arrows.clone())));
        }
    }
    let files: Vec<_> = found.keys().collect();
    let arrows: BTreeSet<_> = found.values().map(String::as_str).collect();
    assert!(
        found.is_empty(),
        "in a cycle: {files:#?}\n{}",
        arrows.into_iter().collect::<Vec<_>>().join("\n\n")
    );
}

#[test]
fn every_layer_names_only_earlier_ones() {
    let crates = crates();
    for (name, layers) in LAYERS {
        let modules = &crates[name];
        let depth = |file: &str| {
            let below_src = file.split('/').nth(2).unwrap().trim_end_matches(".rs");
            layers
                .iter()
                .position(|layer| layer.split(' ').any(|part| part == below_src))
                .unwrap_or(layers.len())
        };
        let depths: BTreeSet<_> =
            modules.modules.values().map(|module| depth(&module.file)).collect();
        assert!(
            (0..layers.len()).all(|layer| depths.contains(&layer)),
            "{name} does not have all of {layers:?}"
        );
        let wrong: Vec<_> =
            modules.arrows.keys().filter(|(from, to)| depth(from) < depth(to)).collect();
        let wrong: Vec<_> = wrong.into_iter().map(|arrow| modules.describe(arrow)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Paths that `gate-core` may not name, by their beginning: clocks, files, networks, threads, an
/// async runtime.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
    "jiff::ZonedDateTime::now",
    "tokio",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::now_v7",
];

/// Paths that it names all the same: the news of a store, and new ids, which are ordered by the
/// machine's clock. No decision hangs on either.
const ALLOWED: &[(&str, &str)] = &[
    ("gate-core/src/ports/store/record_watch.rs", "tokio::sync::watch"),
    ("gate-core/src/id.rs", "uuid::Uuid::now_v7"),
];

#[test]
fn the_core_waits_for_nothing_and_reads_no_clock() {
    let mut found = BTreeSet::new();
    let crates = crates();
    for module in crates["gate-core"].modules.values() {
        let paths = module.paths.iter().map(|path| match module.imported.get(&path[0]) {
            Some(import) => [import, &path[1..]].concat(),
            None => path.clone(),
        });
        for path in module.imported.values().chain(&module.globs).cloned().chain(paths) {
            let path = path.join("::");
            let is_within = |whole: &str| path == whole || path.starts_with(&format!("{whole}::"));
            if IMPURE.iter().any(|impure| is_within(impure)) {
                found.insert((module.file.clone(), path));
            }
        }
    }
    let unlisted = found.iter().filter(|(file, path)| {
        !ALLOWED.iter().any(|(of, allowed)| {
            file == of && (path == allowed || path.starts_with(&format!("{allowed}::")))
        })
    });
    let unlisted: Vec<_> = unlisted.collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    let gone = ALLOWED.iter().filter(|(of, allowed)| {
        !found.iter().any(|(file, path)| file == of && path.starts_with(allowed))
    });
    assert_eq!(gone.count(), 0, "what is not named any more need not be allowed");
}

#[test]
fn no_crate_has_two_types_of_one_name() {
    let mut twice = Vec::new();
    for (name, modules) in crates() {
        let several = modules.types.into_iter().filter(|(_, files)| files.len() > 1);
        twice.extend(several.map(|(of, files)| format!("{name}: {of} in {}", files.join(", "))));
    }
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

/// Returns every file of code with its text. Generated code, and mistakes that the compiler quotes,
/// are as they are.
fn written_by_hand() -> Vec<(PathBuf, String)> {
    let (mut folders, mut files) = (vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            if entry.is_dir() {
                let is_other = ["target", "golden", "ui", "node_modules"].contains(&name);
                folders.extend((!is_other && !name.starts_with('.')).then_some(entry));
            } else if entry.extension().is_some_and(|of| of == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                files.push((entry, text));
            }
        }
    }
    assert!(files.len() > 400, "only {} files were looked at", files.len());
    files
}

#[test]
fn no_line_of_code_is_wider_than_a_hundred_columns() {
    let mut wide = Vec::new();
    for (file, text) in written_by_hand() {
        let lines = text.lines().zip(1..).filter(|(line, _)| line.chars().count() > 100);
        wide.extend(lines.map(|(_, number)| format!("{}:{number}", file.display())));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn docs_of_functions_begin_with_a_verb_and_not_with_a_question() {
    let mut questions = Vec::new();
    for (file, text) in written_by_hand() {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let begins = at == 0 || !lines[at - 1].starts_with("///");
            let first = line.strip_prefix("/// ").and_then(|words| words.split(' ').next());
            let asks = matches!(first, Some("What" | "Whether" | "How" | "Who"));
            if begins && asks {
                let item = lines[at..].iter().find(|line| !line.starts_with(['/', '#']));
                let mut words = item.into_iter().flat_map(|item| item.split(' '));
                if words.find(|word| *word == "fn" || word.contains(':')) == Some("fn") {
                    questions.push(format!("{}:{}", file.display(), at + 1));
                }
            }
        }
    }
    assert!(questions.is_empty(), "{}", questions.join("\n"));
}

#[test]
fn every_form_of_an_import_is_read() {
    let files = BTreeMap::from([
        ("src/lib.rs", "pub mod a; pub mod b; pub mod c; pub use c::{Deep, deeper::Deeper};"),
        (
            "src/a.rs",
            "use crate::{b::{self, Two as Three}, c::deeper::*}; fn f(x: b::Two) { self::g(); }",
        ),
        (
            "src/b/mod.rs",
            "mod inner; pub use inner::Inner; pub struct Two; #[cfg(test)] mod tests { use \
             crate::a::A; }",
        ),
        (
            "src/b/inner.rs",
            "use super::super::Deep; pub struct Inner; mod within { pub(in crate::a) use \
             super::Inner; }",
        ),
        (
            "src/c/mod.rs",
            "/// Not [`crate::a`].\npub struct Deep; pub mod deeper { pub struct Deeper; fn f() { \
             x!(super::super::a::f()) } }",
        ),
    ]);
    let modules =
        CrateModules::read("src/lib.rs", &|file| files.get(file).map(ToString::to_string));
    let found: Vec<_> = modules.arrows.keys().map(|(from, to)| format!("{from} {to}")).collect();
    let expected = [
        "src/a.rs src/b/mod.rs",
        "src/a.rs src/c/mod.rs",
        "src/b/inner.rs src/c/mod.rs",
        "src/b/mod.rs src/b/inner.rs",
        "src/c/mod.rs src/a.rs",
        "src/lib.rs src/c/mod.rs",
    ];
    assert_eq!(found, expected);
    assert_eq!(modules.cycles(), [["src/a.rs", "src/b/inner.rs", "src/b/mod.rs", "src/c/mod.rs"]]);
}

#[test]
fn a_parent_and_its_children_are_no_cycle_but_two_children_are() {
    let read = |second: &str| {
        let files = BTreeMap::from([
            ("src/lib.rs", "mod home;"),
            ("src/home.rs", "mod first; mod second; use first::A; pub struct Home;"),
            ("src/home/first.rs", "use super::Home; use super::second::B; pub struct A;"),
            ("src/home/second.rs", second),
        ]);
        CrateModules::read("src/lib.rs", &|file| files.get(file).map(ToString::to_string)).cycles()
    };
    assert!(read("use super::Home; pub struct B;").is_empty());
    assert_eq!(
        read("use super::first::A; pub struct B;"),
        [["src/home/first.rs", "src/home/second.rs"]]
    );
}

/// The crates of the workspace, by the names of their folders.
fn crates() -> BTreeMap<String, CrateModules> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    let names = folders.map(|folder| folder.file_name().into_string().unwrap());
    let source = |file: &str| fs::read_to_string(root.join(file)).ok();
    let mut crates = BTreeMap::new();
    for name in names.filter(|name| root.join(name).join("Cargo.toml").exists()) {
        let roots = [format!("{name}/src/lib.rs"), format!("{name}/src/main.rs")];
        if let Some(file) = roots.iter().find(|file| root.join(file).exists()) {
            crates.insert(name, CrateModules::read(file, &source));
        }
    }
    assert!(crates.len() > 5, "only {:?} were looked at", crates.keys());
    crates
}

/// A crate: its modules, and which of its files name which.
#[derive(Default)]
struct CrateModules {
    modules: BTreeMap<Vec<String>, Module>,
    /// The files that define its structs, enums and traits, by their names.
    types: BTreeMap<String, Vec<String>>,
    /// From a file to a file, with the paths that the first names.
    arrows: BTreeMap<(String, String), BTreeSet<String>>,
}

/// A module, in a file of its own or inside another's.
#[derive(Default)]
struct Module {
    file: String,
    /// The names that it defines.
    defined: BTreeSet<String>,
    /// The paths to which `use` gives a name in it, by that name.
    imported: BTreeMap<String, Vec<String>>,
    /// The modules from which it imports everything.
    globs: Vec<Vec<String>>,
    /// The paths in its code.
    paths: BTreeSet<Vec<String>>,
}

impl CrateModules {
    /// Reads a crate from its root file on.
    fn read(file: &str, source: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut modules = Self::default();
        let folder = file.rsplit_once('/').unwrap().0;
        modules.read_file(file, folder, &[], source);
        let mut arrows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (at, module) in &modules.modules {
            let imports = module.imported.values().chain(&module.globs);
            for path in imports.chain(&module.paths) {
                let Some(to) = modules.file_of(at, path, 0).filter(|to| *to != module.file) else {
                    continue;
                };
                let names = arrows.entry((module.file.clone(), to)).or_default();
                // `Status::Pending` says no more than the import of `Status` did.
                if names.is_empty() || ["crate", "self", "super"].contains(&path[0].as_str()) {
                    names.insert(path.join("::"));
                }
            }
        }
        modules.arrows = arrows;
        modules
    }

    fn read_file(
        &mut self,
        file: &str,
        folder: &str,
        at: &[String],
        source: &dyn Fn(&str) -> Option<String>,
    ) {
        let text = source(file).unwrap();
        file.clone_into(&mut self.modules.entry(at.to_vec()).or_default().file);
        self.read_tokens(text.parse().unwrap(), folder, at, source);
    }

    /// Reads the code of a module, and the modules that it declares.
    fn read_tokens(
        &mut self,
        code: TokenStream,
        folder: &str,
        at: &[String],
        source: &dyn Fn(&str) -> Option<String>,
    ) {
        let tokens: Vec<_> = code.into_iter().collect();
        let mut rest = tokens.as_slice();
        let mut is_test = false;
        while let Some((token, after)) = rest.split_first() {
            rest = after;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some((TokenTree::Group(attribute), after)) = rest.split_first() {
                        is_test |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
                        rest = after;
                    }
                }
                _ if is_test => {
                    // Past the item: it ends with a semicolon, or with the braces of its body.
                    is_test = match token {
                        TokenTree::Punct(punct) => punct.as_char() != ';',
                        TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
                        _ => true,
                    };
                }
                TokenTree::Ident(word) if word == "pub" => {
                    if let Some((TokenTree::Group(group), after)) = rest.split_first()
                        && group.delimiter() == Delimiter::Parenthesis
                    {
                        rest = after;
                    }
                }
                TokenTree::Ident(word) if word == "mod" => {
                    let [TokenTree::Ident(name), body, after @ ..] = rest else { continue };
                    rest = after;
                    let inner = [at, &[name.to_string()]].concat();
                    let folder = format!("{folder}/{name}");
                    if let TokenTree::Group(body) = body {
                        let file = self.modules[at].file.clone();
                        self.modules.entry(inner.clone()).or_default().file = file;
                        self.read_tokens(body.stream(), &folder, &inner, source);
                    } else {
                        let files = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
                        let file = files.iter().find(|file| source(file).is_some()).unwrap();
                        self.read_file(file, &folder, &inner, source);
                    }
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end =
                        rest.iter().position(|token| is_punct(token, ';')).unwrap_or(rest.len());
                    let (tree, after) = rest.split_at(end);
                    rest = after;
                    self.read_use(tree, &[], at);
                }
                TokenTree::Ident(word) => {
                    let defines = ["struct", "enum", "trait", "type", "fn", "const", "static"];
                    if let Some(TokenTree::Ident(name)) = rest.first()
                        && defines.iter().any(|kind| word == kind)
                    {
                        let module = self.modules.entry(at.to_vec()).or_default();
                        module.defined.insert(name.to_string());
                        if ["struct", "enum", "trait"].iter().any(|kind| word == kind) {
                            self.types
                                .entry(name.to_string())
                                .or_default()
                                .push(module.file.clone());
                        }
                    }
                    let mut path = vec![word.to_string()];
                    while let [one, two, TokenTree::Ident(next), after @ ..] = rest
                        && is_punct(one, ':')
                        && is_punct(two, ':')
                    {
                        path.push(next.to_string());
                        rest = after;
                    }
                    if path.len() > 1 {
                        self.modules.entry(at.to_vec()).or_default().paths.insert(path);
                    }
                }
                TokenTree::Group(group) => self.read_tokens(group.stream(), folder, at, source),
                _ => {}
            }
        }
    }

    /// Reads what stands between `use` and its semicolon, or a part of it.
    fn read_use(&mut self, tree: &[TokenTree], before: &[String], at: &[String]) {
        for branch in tree.split(|token| is_punct(token, ',')) {
            let mut path = before.to_vec();
            let mut name = None;
            for token in branch {
                match token {
                    TokenTree::Group(group) => {
                        let inner: Vec<_> = group.stream().into_iter().collect();
                        self.read_use(&inner, &path, at);
                        path.clear();
                    }
                    TokenTree::Ident(word) if word == "as" => name = Some(String::new()),
                    TokenTree::Ident(word) if name.is_some() => name = Some(word.to_string()),
                    TokenTree::Ident(word)
                        if word == "self" && path.len() > before.len().min(1) => {}
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Punct(punct) if punct.as_char() == '*' => {
                        self.modules
                            .entry(at.to_vec())
                            .or_default()
                            .globs
                            .push(mem::take(&mut path));
                    }
                    _ => {}
                }
            }
            if let Some(last) = path.last() {
                let name = name.unwrap_or_else(|| last.clone());
                self.modules.entry(at.to_vec()).or_default().imported.insert(name, path);
            }
        }
    }

    /// Returns the file that defines what a path in a module means, if it is of this crate.
    fn file_of(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let (mut at, mut rest) = (at.to_vec(), path);
        let mut is_here = false;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => break,
            }
            (is_here, rest) = (true, after);
        }
        while let Some((first, after)) = rest.split_first() {
            let inner = [at.as_slice(), slice::from_ref(first)].concat();
            let module = self.modules.get(&at)?;
            if self.modules.contains_key(&inner) {
                (at, rest, is_here) = (inner, after, true);
            } else if module.defined.contains(first) {
                // What the path's own module defines is no import.
                return Some(module.file.clone());
            } else if let Some(import) =
                module.imported.get(first).filter(|import| *import != path && depth < 16)
            {
                return self.file_of(&at, &[import, after].concat(), depth + 1);
            } else {
                let from_glob = module.globs.iter().filter(|_| depth < 16).find_map(|glob| {
                    let target = self.module_of(&at, glob, depth + 1)?;
                    let known = &self.modules[&target];
                    let has = known.defined.contains(first) || known.imported.contains_key(first);
                    has.then(|| self.file_of(&target, rest, depth + 1))?
                });
                return from_glob.or_else(|| is_here.then(|| module.file.clone()));
            }
        }
        Some(self.modules.get(&at)?.file.clone())
    }

    /// Returns the module that a path in a module means.
    fn module_of(&self, at: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let file = self.file_of(at, path, depth)?;
        let name = path.last()?;
        let is_it = |(at, module): &(&Vec<String>, &Module)| {
            module.file == file && at.last().is_none_or(|last| last == name)
        };
        self.modules.iter().find(is_it).map(|(at, _)| at.clone())
    }

    /// Returns the cycles of files that remain where a parent may name its children, and they it.
    fn cycles(&self) -> Vec<Vec<String>> {
        let files: BTreeSet<_> = self.modules.values().map(|module| module.file.as_str()).collect();
        let mut found = self.cycles_among(&files);
        found.sort();
        found
    }

    fn cycles_among(&self, files: &BTreeSet<&str>) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut left = files.clone();
        while let Some(first) = left.first().copied() {
            let (to, from) = (self.reached(first, files, false), self.reached(first, files, true));
            let mut together: BTreeSet<_> = to.intersection(&from).copied().collect();
            together.insert(first);
            left.retain(|file| !together.contains(file));
            if together.len() == 1 {
                continue;
            }
            match together
                .iter()
                .copied()
                .find(|parent| together.iter().all(|file| is_within(file, parent)))
            {
                Some(parent) => {
                    together.remove(parent);
                    found.extend(self.cycles_among(&together));
                }
                None => found.push(together.into_iter().map(str::to_owned).collect()),
            }
        }
        found
    }

    /// Returns which of some files one reaches by arrows among them, or is reached from.
    fn reached<'a>(
        &self,
        first: &str,
        among: &BTreeSet<&'a str>,
        backwards: bool,
    ) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![first];
        while let Some(file) = next.pop() {
            for (from, to) in self.arrows.keys() {
                let (near, far) = if backwards { (to, from) } else { (from, to) };
                if near == file
                    && let Some(known) = among.get(far.as_str())
                    && reached.insert(*known)
                {
                    next.push(known);
                }
            }
        }
        reached
    }

    fn arrows_within(&self, files: &[String]) -> Vec<String> {
        let within =
            self.arrows.keys().filter(|(from, to)| files.contains(from) && files.contains(to));
        within.map(|arrow| self.describe(arrow)).collect()
    }

    fn describe(&self, arrow: &(String, String)) -> String {
        let names: Vec<_> = self.arrows[arrow].iter().map(String::as_str).collect();
        format!("{} -> {}: {}", arrow.0, arrow.1, names.join(", "))
    }
}

/// Returns whether a file is another one, or a module of it at any depth.
fn is_within(file: &str, parent: &str) -> bool {
    let folder = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"]
        .into_iter()
        .find_map(|end| parent.strip_suffix(end));
    file == parent || file.strip_prefix(folder.unwrap()).is_some_and(|rest| rest.starts_with('/'))
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}
