//! What people build of AWS resources: the larger examples, with kro and ACK together.

use anyhow::{Context, ensure};
use aws_emulator::Fault;
use e2e::kro::{config_map, instance, is_active, is_served, rgd};
use e2e::stack::{SOON, Stack, file, message};
use e2e::{Options, scenario, wait_for};
use http::Request;
use serde_json::{Value, json};

/// One of the examples, with its definition served.
struct Example {
    stack: Stack,
    directory: &'static str,
    /// The path of its instance.
    instance: String,
}

impl Example {
    async fn start(
        directory: &'static str,
        definition: &str,
        plural: &str,
        name: &str,
    ) -> anyhow::Result<Self> {
        let stack = Stack::running(Options::api_server()).await?;
        let example = Self { stack, directory, instance: instance(plural, name) };
        example.apply("rgd.yaml").await?;
        example.wait(&rgd(definition), "is served", is_served).await?;
        Ok(example)
    }

    async fn apply(&self, name: &str) -> anyhow::Result<()> {
        let path = file(&format!("examples/{}/{name}", self.directory));
        self.stack.plane.kubectl(&["apply", "-f", &path]).await.map(drop)
    }

    async fn active(&self) -> anyhow::Result<Value> {
        self.wait(&self.instance, "is ACTIVE", is_active).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let request = Request::get(path).body(Vec::new())?;
        match self.stack.plane.client().request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn wait(
        &self,
        path: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        wait_for(format!("{path} {what}"), SOON, async || {
            let object = self.get(path).await?.context("it does not exist")?;
            ensure!(found(&object), "{}", object["status"]);
            Ok(Some(object))
        })
        .await
        .with_context(|| self.stack.logs())
    }

    async fn gone(&self, path: &str) -> anyhow::Result<()> {
        wait_for(format!("{path} is gone"), SOON, async || match self.get(path).await? {
            Some(object) => anyhow::bail!("{} {}", object["metadata"], object["status"]),
            None => Ok(Some(())),
        })
        .await
        .with_context(|| self.stack.logs())
    }

    /// Merges `spec` into that of the instance.
    async fn change(&self, spec: &Value) -> anyhow::Result<()> {
        let patch = json!({"spec": spec}).to_string();
        let request = Request::patch(&self.instance)
            .header("Content-Type", "application/merge-patch+json")
            .body(patch.into_bytes())?;
        let _: Value = self.stack.plane.client().request(request).await?;
        Ok(())
    }

    /// Deletes the instance, and waits until it is gone.
    async fn delete(&self) -> anyhow::Result<()> {
        let request = Request::delete(&self.instance).body(Vec::new())?;
        let _: Value = self.stack.plane.client().request(request).await?;
        self.gone(&self.instance).await
    }

    /// The instance says that it waits for this node, in these words of AWS.
    async fn says(&self, node: &str, words: &str) -> anyhow::Result<()> {
        let told = |object: &Value| {
            let message = message(object, "ResourcesReady");
            object["status"]["state"] == "IN_PROGRESS"
                && message.contains(&format!("\"{node}\""))
                && message.contains(words)
        };
        self.wait(&self.instance, &format!("says `{words}` of {node}"), told).await.map(drop)
    }

    fn bucket(&self, name: &str) -> Value {
        self.stack.aws.control().dump()["s3"]["buckets"][name].clone()
    }

    fn table(&self, name: &str) -> Value {
        let aws = self.stack.aws.control().dump();
        aws["dynamodb"]["123456789012/us-west-2"]["tables"][name].clone()
    }

    /// Whether SQS has a queue of this name.
    fn has_queue(&self, name: &str) -> bool {
        let aws = self.stack.aws.control().dump();
        aws["sqs"]["123456789012/us-west-2"]["queues"][name].is_object()
    }
}

/// Where objects of ACK are.
fn ack(group: &str, plural: &str, name: &str) -> String {
    format!("/apis/{group}.services.k8s.aws/v1alpha1/namespaces/default/{plural}/{name}")
}

#[test]
fn messaging_hands_out_the_endpoints_of_all_three_services() {
    scenario(async || {
        let example =
            Example::start("messaging", "messagingstack", "messagingstacks", "orders").await?;
        example.apply("instance.yaml").await?;
        let stack = example.active().await?;
        let queue = "arn:aws:sqs:us-west-2:123456789012:orders-queue";
        let bucket = "arn:aws:s3:::orders-artifacts";
        ensure!(stack["status"]["endpoints"] == json!({"bucket": bucket, "queue": queue}));
        let endpoints = example.get(&config_map("orders-endpoints")).await?.context("no map")?;
        ensure!(endpoints["data"]["QUEUE_URL"] == stack["status"]["queueURL"], "{endpoints:#}");
        ensure!(endpoints["data"]["BUCKET_ARN"] == bucket, "{endpoints:#}");
        let location = endpoints["data"]["BUCKET_LOCATION"].as_str();
        ensure!(location.is_some_and(|at| at.contains("orders-artifacts")), "{endpoints:#}");
        ensure!(example.bucket("orders-artifacts").is_object(), "no bucket");
        ensure!(example.table("orders-events")["TableStatus"] == "ACTIVE", "no table");
        ensure!(example.has_queue("orders-queue"), "no queue");

        // The table is left out, and the queue gets another attribute.
        example.change(&json!({"withTable": false})).await?;
        example.gone(&ack("dynamodb", "tables", "orders-table")).await?;
        example.active().await?;
        ensure!(example.table("orders-events").is_null(), "the table is still there");
        example.change(&json!({"queue": {"visibilitySeconds": 45}})).await?;
        let path = ack("sqs", "queues", "orders-queue");
        let attribute = |object: &Value| object["spec"]["visibilityTimeout"] == "45";
        example.wait(&path, "has the attribute", attribute).await?;

        example.delete().await?;
        let aws = example.stack.aws.control().dump();
        ensure!(aws["s3"]["buckets"] == json!({}), "{aws:#}");
        ensure!(!example.has_queue("orders-queue"), "{aws:#}");
        Ok(())
    });
}

#[test]
fn messaging_waits_for_a_queue_that_aws_refuses() {
    scenario(async || {
        let example =
            Example::start("messaging", "messagingstack", "messagingstacks", "orders").await?;
        let control = example.stack.aws.control();
        let words = "You are not allowed to create more queues here.";
        control.fail(Fault::error(403, "AccessDenied", words).on("sqs", "CreateQueue").always());
        example.apply("instance.yaml").await?;
        example.says("queue", words).await?;
        // What does not depend on the queue is made; what does, is not.
        let bucket = ack("s3", "buckets", "orders-artifacts");
        example.wait(&bucket, "exists", |_| true).await?;
        ensure!(example.get(&config_map("orders-endpoints")).await?.is_none(), "too early");
        control.clear_faults();
        example.active().await?;
        ensure!(example.get(&config_map("orders-endpoints")).await?.is_some(), "no map");
        Ok(())
    });
}

#[test]
fn a_website_serves_its_pages_and_stays_as_its_policy_says() {
    scenario(async || {
        let example = Example::start("website", "website", "websites", "docs").await?;
        example.apply("instance.yaml").await?;
        let website = example.active().await?;
        let url = "https://example-docs-site.s3.us-west-2.amazonaws.com/index.html";
        ensure!(website["status"]["url"] == url, "{}", website["status"]);
        ensure!(website["status"]["bucketARN"] == "arn:aws:s3:::example-docs-site");
        let documents = &example.bucket("example-docs-site")["documents"];
        let pages = documents["website"].to_string();
        ensure!(pages.contains("index.html") && pages.contains("404.html"), "{documents:#}");
        ensure!(documents["policy"].to_string().contains("AnybodyMayRead"), "{documents:#}");
        let block = &documents["publicAccessBlock"];
        ensure!(block["BlockPublicPolicy"] == false && block["BlockPublicAcls"] == true);
        let upload = example.get(&config_map("docs-upload")).await?.context("no map")?;
        let expected = json!({
            "AWS_REGION": "us-west-2", "BUCKET": "example-docs-site",
            "BUCKET_ARN": "arn:aws:s3:::example-docs-site",
        });
        ensure!(upload["data"] == expected, "{upload:#}");

        // The page of errors becomes another one, and nothing else changes.
        example.change(&json!({"errorDocument": "oops.html"})).await?;
        wait_for("the page of errors", SOON, async || {
            let found = example.bucket("example-docs-site")["documents"]["website"].to_string();
            ensure!(found.contains("oops.html"), "{found}");
            Ok(Some(()))
        })
        .await?;

        example.delete().await?;
        ensure!(example.get(&ack("s3", "buckets", "example-docs-site")).await?.is_none());
        ensure!(example.bucket("example-docs-site").is_object(), "it was to be kept");
        Ok(())
    });
}

#[test]
fn a_website_whose_policy_s3_refuses_hands_out_nothing() {
    scenario(async || {
        let example = Example::start("website", "website", "websites", "docs").await?;
        let control = example.stack.aws.control();
        let words = "public policies are blocked by the BlockPublicPolicy setting";
        let refusal = Fault::error(403, "AccessDenied", words).on("s3", "PutBucketPolicy");
        control.fail(refusal.always());
        example.apply("instance.yaml").await?;
        example.says("bucket", words).await?;
        ensure!(example.get(&config_map("docs-upload")).await?.is_none(), "too early");
        control.clear_faults();
        example.change(&json!({"keep": false})).await?;
        example.active().await?;
        ensure!(example.get(&config_map("docs-upload")).await?.is_some(), "no map");
        example.delete().await?;
        ensure!(example.bucket("example-docs-site").is_null(), "it was not to be kept");
        Ok(())
    });
}

#[test]
fn a_pipeline_connects_its_queues_and_keeps_its_table() {
    scenario(async || {
        let example =
            Example::start("pipeline", "eventpipeline", "eventpipelines", "clicks").await?;
        let control = example.stack.aws.control();
        let words = "Subscriber limit exceeded: there are too many tables.";
        let refusal = Fault::error(400, "LimitExceededException", words);
        control.fail(refusal.on("dynamodb", "CreateTable").always());
        example.apply("instance.yaml").await?;
        example.says("table", words).await?;
        ensure!(example.get(&config_map("clicks-endpoints")).await?.is_none(), "too early");
        control.clear_faults();

        let pipeline = example.active().await?;
        let queue = example.get(&ack("sqs", "queues", "clicks")).await?.context("no queue")?;
        let failed = "arn:aws:sqs:us-west-2:123456789012:clicks-failed.fifo";
        let redrive: Value =
            serde_json::from_str(queue["spec"]["redrivePolicy"].as_str().unwrap_or_default())?;
        ensure!(redrive == json!({"deadLetterTargetArn": failed, "maxReceiveCount": 3}));
        let queues = control.dump()["sqs"].to_string();
        ensure!(queues.contains("deadLetterTargetArn"), "{queues}");
        let table = example.table("clicks-events");
        ensure!(table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES");
        let stream = pipeline["status"]["streamARN"].as_str().unwrap_or_default().to_owned();
        ensure!(stream.contains("table/clicks-events/stream/"), "{}", pipeline["status"]);
        let endpoints = example.get(&config_map("clicks-endpoints")).await?.context("no map")?;
        let expected = json!({
            "QUEUE_URL": pipeline["status"]["queueURL"],
            "FAILED_QUEUE_URL": pipeline["status"]["failedURL"],
            "TABLE_NAME": "clicks-events", "STREAM_ARN": stream,
        });
        ensure!(endpoints["data"] == expected, "{endpoints:#}");

        example.delete().await?;
        ensure!(!example.has_queue("clicks.fifo") && !example.has_queue("clicks-failed.fifo"));
        ensure!(example.table("clicks-events").is_object(), "the table was to be kept");
        Ok(())
    });
}

#[test]
fn tenants_come_and_go_with_what_is_theirs() {
    scenario(async || {
        let example = Example::start("tenants", "tenantstack", "tenantstacks", "saas").await?;
        example.apply("instance.yaml").await?;
        let saas = example.active().await?;
        let arns = ["acme", "globex", "trial"].map(|name| format!("arn:aws:s3:::saas-{name}"));
        ensure!(saas["status"]["buckets"] == json!(arns), "{}", saas["status"]);
        let directory = config_map("saas-tenants");
        let map = example.get(&directory).await?.context("no map")?;
        ensure!(map["data"]["TENANTS"] == "acme,globex,trial", "{map:#}");

        // One that was not to be kept, and one that was.
        let left = json!({"tenants": [{"name": "globex"}, {"name": "new"}]});
        example.change(&left).await?;
        for name in ["saas-acme", "saas-trial"] {
            example.gone(&ack("s3", "buckets", name)).await?;
            example.gone(&ack("dynamodb", "tables", name)).await?;
        }
        let listed = |object: &Value| object["data"]["TENANTS"] == "globex,new";
        example.wait(&directory, "lists who is left", listed).await?;
        example.active().await?;
        for (name, stays) in
            [("saas-acme", true), ("saas-trial", false), ("saas-globex", true), ("saas-new", true)]
        {
            ensure!(example.bucket(name).is_object() == stays, "bucket {name}");
            ensure!(example.table(name).is_object() == stays, "table {name}");
        }
        Ok(())
    });
}

/// Dependents wait for every tenant; what is there stays up to date meanwhile.
#[test]
fn a_tenant_that_aws_refuses_holds_up_the_directory() {
    scenario(async || {
        let example = Example::start("tenants", "tenantstack", "tenantstacks", "saas").await?;
        let control = example.stack.aws.control();
        control.set_foreign_bucket("saas-globex", true);
        example.apply("instance.yaml").await?;
        example.says("buckets", "BucketAlreadyExists").await?;
        ensure!(example.get(&config_map("saas-tenants")).await?.is_none(), "too early");
        example.wait(&ack("s3", "buckets", "saas-acme"), "exists", |_| true).await?;
        control.set_foreign_bucket("saas-globex", false);
        example.active().await?;
        ensure!(example.get(&config_map("saas-tenants")).await?.is_some(), "no map");
        Ok(())
    });
}
