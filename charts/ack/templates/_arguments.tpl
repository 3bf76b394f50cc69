{{- /* The command line, one argument a line. */}}
{{- define "ack.arguments" -}}
{{- $values := .Values -}}
{{- $flags := dict
  "metrics-addr" (printf "0.0.0.0:%v" $values.deployment.containerPort)
  "services" (include "ack.services" .)
  "log-level" $values.log.level
  "enable-development-logging" $values.log.enable_development_logging
  "deletion-policy" $values.deletionPolicy
  "reconcile-default-resync-seconds" $values.reconcile.defaultResyncPeriod
  "reconcile-default-max-concurrent-syncs" $values.reconcile.defaultMaxConcurrentSyncs
  "enable-carm" $values.enableCARM
  "enable-cross-namespace" $values.enableCrossNamespace
  "enable-field-export-reconciler" $values.enableFieldExportReconciler
  "allow-unsafe-aws-endpoint-urls" $values.aws.allow_unsafe_aws_endpoint_urls
  "aws-endpoint-use-path-style" $values.aws.endpoint_use_path_style
  "enable-leader-election" $values.leaderElection.enabled
-}}
{{- with $values.aws.region }}{{ $_ := set $flags "aws-region" . }}{{ end -}}
{{- with $values.aws.endpoint_url }}{{ $_ := set $flags "aws-endpoint-url" . }}{{ end -}}
{{- with $values.aws.identity_endpoint_url }}{{ $_ := set $flags "aws-identity-endpoint-url" . }}{{ end -}}
{{- with include "ack.namespaces" . }}{{ $_ := set $flags "watch-namespace" . }}{{ end -}}
{{- with $values.watchSelectors }}{{ $_ := set $flags "watch-selectors" . }}{{ end -}}
{{- with $values.resourceTags }}{{ $_ := set $flags "resource-tags" (join "," .) }}{{ end -}}
{{- with $values.reconcile.resources }}{{ $_ := set $flags "reconcile-resources" (join "," .) }}{{ end -}}
{{- if $values.leaderElection.enabled }}{{ $_ := set $flags "leader-election-namespace" (include "ack.leaseNamespace" .) }}{{ end -}}
{{- $gates := list -}}
{{- range $name, $on := $values.featureGates }}{{ $gates = append $gates (printf "%s=%t" $name $on) }}{{ end -}}
{{- with $gates }}{{ $_ := set $flags "feature-gates" (join "," .) }}{{ end -}}
{{- range $name := keys $flags | sortAlpha }}
{{- $value := get $flags $name }}
{{- /* Helm reads numbers as floats, which print as 1e+06. */}}
{{- if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end }}
{{- /* A flag that is off is left out, unless it is on by default. */}}
{{- if eq (toString $value) "true" }}
- {{ printf "--%s" $name | quote }}
{{- else if or (ne (toString $value) "false") (has $name (list "enable-carm" "enable-cross-namespace" "enable-field-export-reconciler")) }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
{{- range $kind, $seconds := $values.reconcile.resourceResyncPeriods }}
- {{ printf "--reconcile-resource-resync-seconds=%s=%d" $kind (int64 $seconds) | quote }}
{{- end }}
{{- range $kind, $number := $values.reconcile.resourceMaxConcurrentSyncs }}
- {{ printf "--reconcile-resource-max-concurrent-syncs=%s=%d" $kind (int64 $number) | quote }}
{{- end }}
{{- end }}
