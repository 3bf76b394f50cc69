{{- /* The command line, one argument a line. */}}
{{- define "kro.arguments" -}}
{{- $config := .Values.config -}}
{{- $flags := dict
  "metrics-bind-address" $config.metricsBindAddress
  "health-probe-bind-address" $config.healthProbeBindAddress
  "graceful-shutdown-timeout" $config.gracefulShutdownTimeout
  "zap-log-level" $config.logLevel
  "zap-encoder" $config.logEncoder
  "zap-devel" $config.development
  "resource-graph-definition-concurrent-reconciles" $config.resourceGraphDefinitionConcurrentReconciles
  "graph-revision-concurrent-reconciles" $config.graphRevisionConcurrentReconciles
  "dynamic-controller-concurrent-reconciles" $config.dynamicControllerConcurrentReconciles
  "dynamic-controller-default-resync-period" $config.dynamicControllerDefaultResyncPeriod
  "dynamic-controller-default-queue-max-retries" $config.dynamicControllerDefaultQueueMaxRetries
  "dynamic-controller-rate-limiter-min-delay" $config.dynamicControllerRateLimiterMinDelay
  "dynamic-controller-rate-limiter-max-delay" $config.dynamicControllerRateLimiterMaxDelay
  "dynamic-controller-rate-limiter-rate-limit" $config.dynamicControllerRateLimiterRateLimit
  "dynamic-controller-rate-limiter-burst-limit" $config.dynamicControllerRateLimiterBurstLimit
  "instance-requeue-interval" $config.instance.requeueInterval
  "rgd-max-collection-size" $config.rgd.maxCollectionSize
  "rgd-max-collection-dimension-size" $config.rgd.maxCollectionDimensionSize
  "rgd-max-graph-revisions" $config.rgd.maxGraphRevisions
  "rgd-progress-requeue-delay" $config.resourceGraphDefinitionProgressRequeueDelay
-}}
{{- if not (kindIs "invalid" $config.clientQps) }}{{ $_ := set $flags "client-qps" $config.clientQps }}{{ end -}}
{{- if not (kindIs "invalid" $config.clientBurst) }}{{ $_ := set $flags "client-burst" $config.clientBurst }}{{ end -}}
{{- if $config.allowCRDDeletion }}{{ $_ := set $flags "allow-crd-deletion" true }}{{ end -}}
{{- if $config.upgradeCRDs }}{{ $_ := set $flags "upgrade-crds" true }}{{ end -}}
{{- if $config.enableLeaderElection }}
{{- $_ := set $flags "leader-elect" true }}
{{- $_ := set $flags "leader-election-lease-duration" $config.leaderElectionLeaseDuration }}
{{- $_ := set $flags "leader-election-renew-deadline" $config.leaderElectionRenewDeadline }}
{{- $_ := set $flags "leader-election-retry-period" $config.leaderElectionRetryPeriod }}
{{- with $config.leaderElectionNamespace }}{{ $_ := set $flags "leader-election-namespace" . }}{{ end }}
{{- if $config.enableControllerWarmup }}{{ $_ := set $flags "enable-controller-warmup" true }}{{ end }}
{{- end -}}
{{- if .Values.debug.pprof.enabled }}{{ $_ := set $flags "pprof-bind-address" (printf ":%v" .Values.debug.pprof.port) }}{{ end -}}
{{- $gates := list -}}
{{- range $name, $on := $config.featureGates }}{{ $gates = append $gates (printf "%s=%t" $name $on) }}{{ end -}}
{{- with $gates }}{{ $_ := set $flags "feature-gates" (join "," .) }}{{ end -}}
{{- range $name := keys $flags | sortAlpha }}
{{- $value := get $flags $name }}
{{- /* Helm reads numbers as floats, which print as 1e+06. */}}
{{- if and (kindIs "float64" $value) (eq (float64 (int64 $value)) $value) }}{{ $value = int64 $value }}{{ end }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
