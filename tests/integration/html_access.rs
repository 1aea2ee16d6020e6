//! Whether everybody can use the pages: axe-core, which checks them against the WCAG, in headless
//! Chromium, light and dark.

use std::fs;
use std::path::{Path, PathBuf};

use super::browser::{exported, letters, listener};
use super::support::chromium::{chromium, url};
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, tree};
use super::support::{missing, skip};

/// Where `bootstrap.sh` puts it.
fn axe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/node_modules/axe-core/axe.min.js")
}

/// What axe-core finds in a page, and how many of its rules the page fulfils, after a script made it
/// ready. The page is changed for it: its policy, which would let no other script run, is gone.
fn checked(sandbox: &Sandbox, page: &Path, dark: bool, ready: &str) -> (usize, Vec<String>) {
    let text = fs::read_to_string(page).unwrap();
    let text = text.replace("Content-Security-Policy", "X-None");
    // The frames with mail are not ours to change.
    let script = "addEventListener('load', () => setTimeout(async () => {\
        const dark = matchMedia('(prefers-color-scheme: dark)').matches;\
        let said = [`dark ${dark}`];\
        try {\
            READY;\
            const found = await axe.run(document, {iframes: false});\
            said.push(`passes ${found.passes.length}`);\
            for (const fault of found.violations)\
                said.push(`fault ${fault.id}: ${fault.nodes.map(n => n.target).join(', ')}`);\
        } catch (error) { said.push(`fault ${error}`); }\
        document.body.textContent = said.map(line => `axe ${line}\\n`).join('');\
    }, 300));";
    let script = script.replace("READY", ready);
    let axe = url(&axe());
    let with = format!("<script src=\"{axe}\"></script><script>{script}</script></body>");
    assert!(text.contains("</body>"));
    let copy = page.with_file_name("checked.html");
    fs::write(&copy, text.replacen("</body>", &with, 1)).unwrap();
    let mut args = vec![
        "--virtual-time-budget=10000",
        "--window-size=1280,900",
        "--dump-dom",
    ];
    args.extend(dark.then_some("--force-dark-mode"));
    let dom = chromium(sandbox, &args, &url(&copy)).stdout();
    fs::remove_file(&copy).unwrap();
    let said = |kind: &str| -> Vec<String> {
        let lines = dom.lines().filter_map(|line| line.split_once(kind));
        lines.map(|(_, rest)| rest.to_owned()).collect()
    };
    assert_eq!(said("axe dark "), [dark.to_string()], "{dom}");
    let passes = said("axe passes ");
    let passes = passes.first().unwrap_or_else(|| panic!("{dom}"));
    (passes.parse().unwrap(), said("axe fault "))
}

#[test]
fn nobody_is_kept_out_of_a_page() {
    if missing("chromium") {
        return;
    }
    if !axe().is_file() {
        skip("axe-core is not below target/axe");
        return;
    }
    let (port, _) = listener();
    let (sandbox, _server) = exported(letters(port));
    let _ = sandbox
        .run(&["stats", "--quota", "1K", "--html", "mail.html"])
        .expect_code(0);
    let site = sandbox.path("site");
    let page_of = |query: &str| {
        let found = sandbox.run(&["list", "--json", query]).expect_code(0);
        let id = json_lines(&found.stdout)[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        site.join(format!("messages/{}/{id}.html", &id[..2]))
    };
    let pages = [
        site.join("index.html"),
        site.join("all/index.html"),
        site.join("search.html"),
        site.join("stats.html"),
        // A newsletter with its answer, and one message alone.
        page_of("from:air"),
        page_of("from:bob1@"),
        sandbox.path("mail.html"),
    ];
    assert!(tree(&site).len() > 40);
    let of_archive = pages.len() - 1;
    let open = "document.getElementById('ask').click();\
        if (!document.getElementById('keys').open) throw new Error('it is not open')";
    let closed = pages.iter().map(|page| (page, ""));
    let opened = pages[..of_archive].iter().map(|page| (page, open));
    for (page, ready) in closed.chain(opened) {
        for dark in [false, true] {
            let (passes, faults) = checked(&sandbox, page, dark, ready);
            let none: [&str; 0] = [];
            let name = format!("{}, dark: {dark}, {ready}", page.display());
            assert_eq!(faults, none, "{name}");
            assert!(passes > 15, "{name}: {passes}");
        }
    }
    // What it would say of a page that keeps people out.
    let bad = "<!DOCTYPE html><html><title>x</title><body><img src=x.png></body></html>";
    let bad = sandbox.write("bad.html", bad, 0o600);
    let (_, faults) = checked(&sandbox, &bad, false, "");
    assert!(
        faults.iter().any(|fault| fault.starts_with("image-alt")),
        "{faults:?}"
    );
}
