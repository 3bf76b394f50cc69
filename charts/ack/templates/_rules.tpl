{{- /* The kinds of each service. */}}
{{- define "ack.kinds" -}}
dynamodb: [backups, globaltables, tables]
s3: [buckets]
sqs: [queues]
{{- end }}

{{- /* Rights in every namespace that is watched. */}}
{{- define "ack.rules" -}}
{{- $kinds := include "ack.kinds" . | fromYaml }}
{{- range $service := include "ack.services" . | splitList "," }}
{{- $plurals := get $kinds $service }}
- apiGroups: [{{ $service }}.services.k8s.aws]
  resources: [{{ join ", " $plurals }}]
  verbs: [get, list, watch, patch, update]
- apiGroups: [{{ $service }}.services.k8s.aws]
  resources: [{{ range $index, $plural := $plurals }}{{ if $index }}, {{ end }}{{ $plural }}/status{{ end }}]
  verbs: [get, patch, update]
{{- end }}
# What a spec may refer to.
- apiGroups: [iam.services.k8s.aws]
  resources: [roles, policies]
  verbs: [get]
- apiGroups: [kms.services.k8s.aws]
  resources: [keys]
  verbs: [get]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.enableFieldExportReconciler }}
- apiGroups: [services.k8s.aws]
  resources: [fieldexports]
  verbs: [get, list, watch, patch, update]
- apiGroups: [services.k8s.aws]
  resources: [fieldexports/status]
  verbs: [get, patch, update]
# Where fields are exported to: objects that exist.
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: [get, patch]
{{- end }}
{{- end }}
