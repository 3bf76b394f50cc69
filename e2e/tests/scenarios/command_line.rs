//! The command line beside a real API server: it reads kinds and objects, and writes nothing.

use anyhow::{Context, ensure};
use e2e::binaries::workspace_binary;
use e2e::kro::{Kro, config_map, crd, instance, rgd};
use e2e::{User, scenario};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const FIRST: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: shop}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Shop
    spec: {title: string, password: string, size: integer | default=1, extra: boolean | default=true}
    status: {title: "${config.data.title}"}
  resources:
  - id: config
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: shop}, data: {title: "${schema.spec.title}", size: "${string(schema.spec.size)}"}}
  - id: secret
    template: {apiVersion: v1, kind: Secret, metadata: {name: "${config.metadata.name}-secret"}, stringData: {password: "${schema.spec.password}"}}
  - id: extra
    includeWhen: ["${schema.spec.extra}"]
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}
  - id: robot
    template: {apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}
"#;

/// `size` has another type, and `robot` is gone.
const SECOND: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: shop}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Shop
    spec: {title: string, password: string, size: string | default="1", extra: boolean | default=true}
    status: {title: "${config.data.title}"}
  resources:
  - id: config
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: shop}, data: {title: "${schema.spec.title}", size: "${schema.spec.size}"}}
  - id: secret
    template: {apiVersion: v1, kind: Secret, metadata: {name: "${config.metadata.name}-secret"}, stringData: {password: "${schema.spec.password}"}}
  - id: extra
    includeWhen: ["${schema.spec.extra}"]
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}
"#;

/// A further resource, that the API server does not take.
const REFUSED: &str = "  - id: refused
    template: {apiVersion: v1, kind: Service, metadata: {name: refused}, spec: {ports: [{port: 700000}]}}
";

const INSTANCE: &str = "
apiVersion: kro.run/v1alpha1
kind: Shop
metadata: {name: mine, namespace: default}
spec: {title: old, password: hunter2}
";

const NEXT_INSTANCE: &str = r#"
apiVersion: kro.run/v1alpha1
kind: Shop
metadata: {name: mine, namespace: default}
spec: {title: new, password: correct-horse, size: "1", extra: false}
"#;

/// A definition that uses the kind of the first one, rightly and not.
const USER: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: mall}
spec:
  schema: {apiVersion: v1alpha1, kind: Mall, spec: {title: string}, status: {title: "${shop.status.title}"}}
  resources:
  - id: shop
    template: {apiVersion: kro.run/v1alpha1, kind: Shop, metadata: {name: one}, spec: {title: "${schema.spec.title}", password: x}}
"#;

/// The command line with the kubeconfig of somebody who may do everything.
struct Command {
    program: PathBuf,
    kubeconfig: PathBuf,
    directory: PathBuf,
}

/// What a run of it gave.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Command {
    fn new(kro: &Kro) -> anyhow::Result<Self> {
        let directory = kro.plane.directory().join("files");
        fs::create_dir_all(&directory)?;
        for (name, text) in [
            ("first.yaml", FIRST),
            ("second.yaml", SECOND),
            ("third.yaml", &format!("{SECOND}{REFUSED}")),
            ("instance.yaml", INSTANCE),
            ("next.yaml", NEXT_INSTANCE),
            ("user.yaml", USER),
        ] {
            fs::write(directory.join(name), text)?;
        }
        let program = workspace_binary("kro", "kro")?;
        Ok(Self { program, kubeconfig: kro.plane.kubeconfig(User::Admin), directory })
    }

    async fn run(&self, words: &str) -> anyhow::Result<Ended> {
        let output = tokio::process::Command::new(&self.program)
            .args(words.split_whitespace())
            .args([Path::new("--cluster"), Path::new("--kubeconfig"), &self.kubeconfig])
            .current_dir(&self.directory)
            .output()
            .await
            .context("kro can't be run")?;
        Ok(Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }
}

impl Ended {
    /// Fails unless it ended with `code` and said all of this, and neither password.
    fn expect(&self, code: i32, said: &[&str]) -> anyhow::Result<()> {
        let Self { code: found, out, err } = self;
        ensure!(*found == Some(code), "ended with {found:?} instead of {code}:\n{out}\n{err}");
        for text in said {
            ensure!(out.contains(text) || err.contains(text), "no {text:?} in\n{out}\n{err}");
        }
        for password in ["hunter2", "correct-horse", "aHVudGVyMg", "Y29ycmVjdC1ob3JzZQ"] {
            let shown = out.lines().filter(|line| !line.contains("spec.password"));
            ensure!(
                !shown.into_iter().any(|line| line.contains(password)),
                "a secret is in\n{out}"
            );
        }
        Ok(())
    }
}

#[test]
fn the_command_line_says_what_would_happen_in_a_cluster() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let command = Command::new(&kro)?;

        // Nothing is there yet.
        command
            .run("validate -f first.yaml -f instance.yaml")
            .await?
            .expect(0, &["no mistakes"])?;
        let unknown = command.run("validate -f user.yaml").await?;
        unknown.expect(1, &["no matches for kind `Shop` in version `kro.run/v1alpha1`"])?;
        let ended = command.run("diff -f first.yaml -f instance.yaml").await?;
        let created = ["+ create CRD shops.kro.run", "+ create the instance", "+ create config"];
        ended.expect(1, &created)?;
        ensure!(kro.get(&crd("shops.kro.run")).await?.is_none(), "a dry run has made a CRD");
        ensure!(kro.get(&config_map("shop")).await?.is_none(), "a dry run has made an object");

        kro.apply(FIRST).await?;
        kro.wait_served("shop").await?;
        kro.apply(INSTANCE).await?;
        kro.wait_active("shops", "mine").await?;
        let paths = [
            rgd("shop"),
            crd("shops.kro.run"),
            instance("shops", "mine"),
            config_map("shop"),
            config_map("extra"),
            "/api/v1/namespaces/default/secrets/shop-secret".to_owned(),
            "/api/v1/namespaces/default/serviceaccounts/robot".to_owned(),
        ];
        let versions = async || {
            let mut versions = Vec::new();
            for path in &paths {
                let object = kro.get(path).await?.with_context(|| format!("no {path}"))?;
                versions.push(object["metadata"]["resourceVersion"].clone());
            }
            Ok::<_, anyhow::Error>(versions)
        };
        let before = versions().await?;
        let mark = kro.plane.audit().mark().await?;

        // What is there is as it is wanted; its kind can be used.
        let ended = command.run("diff -f first.yaml -f instance.yaml").await?;
        ended.expect(0, &["nothing would change"])?;
        command.run("diff -f first.yaml").await?.expect(0, &["nothing would change"])?;
        command.run("validate -f user.yaml").await?.expect(0, &["no mistakes"])?;

        // The next version.
        let ended = command.run("diff -f second.yaml -f next.yaml").await?;
        ended.expect(
            1,
            &[
                "! spec.size.type: Type changed from integer to string (breaking)",
                "kro.run/allow-breaking-changes",
                r#"~ spec.title: "old" → "new""#,
                r#"~ data.title: "old" → "new""#,
                "~ change secret (Secret default/shop-secret)",
                r#"~ data.password: "(hidden)" → "(hidden)""#,
                "- prune extra (ConfigMap default/extra)",
                "- prune robot (ServiceAccount default/robot)",
            ],
        )?;
        let ended = command.run("diff -f second.yaml -f next.yaml -o json").await?;
        ensure!(ended.code == Some(1), "{}\n{}", ended.out, ended.err);
        let plan: Value = serde_json::from_str(&ended.out)?;
        let objects = plan["plans"][0]["objects"].as_array().context("a plan has objects")?;
        let secret = objects.iter().find(|object| object["kind"] == "Secret");
        let hidden = json!([{"path": "data.password", "before": "(hidden)", "after": "(hidden)"}]);
        ensure!(secret.context("no Secret")?["changes"] == hidden, "{plan:#}");
        ensure!(plan["differs"] == true, "{plan:#}");
        ensure!(plan["definitions"][0]["breakingAllowed"] == false, "{plan:#}");
        ensure!(plan["plans"][0]["prune"] == 2, "{plan:#}");
        ensure!(plan["plans"][0]["blocked"] == json!([]), "{plan:#}");
        // Nothing is pruned while something is refused.
        let ended = command.run("diff -f third.yaml -f next.yaml").await?;
        ended.expect(1, &["! refused is refused: ", "700000", "3 to change, 1 blocked"])?;
        // The instance that is there does not fit the new type of `size`.
        let ended = command.run("diff -f second.yaml").await?;
        ended.expect(1, &["! the instance is invalid: spec.size: "])?;

        ensure!(versions().await? == before, "a dry run has changed something");
        let asked = kro.plane.audit().since(mark).await?.of(User::Admin).writes();
        ensure!(!asked.is_empty(), "no apply was asked for");
        let wet = asked.filter(|entry| !entry.uri.contains("dryRun=All"));
        ensure!(wet.is_empty(), "{:#?}", wet.iter().collect::<Vec<_>>());
        Ok(())
    });
}
