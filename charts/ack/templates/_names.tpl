{{- define "ack.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The release's name alone if it contains the chart's. */}}
{{- define "ack.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $joined := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ .Values.fullnameOverride | default $joined | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ack.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "ack.fullname" .) "default" -}}
{{ .Values.serviceAccount.name | default $own }}
{{- end }}

{{- define "ack.selector" -}}
app.kubernetes.io/name: {{ include "ack.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ack.labels" -}}
{{ include "ack.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ack.roleLabels" -}}
{{ include "ack.labels" . }}
{{- with .Values.role.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The services that are enabled, comma-separated. */}}
{{- define "ack.services" -}}
{{- $enabled := list -}}
{{- range $name, $service := .Values.services }}{{ if $service.enabled }}{{ $enabled = append $enabled $name }}{{ end }}{{ end -}}
{{- if not $enabled }}{{ fail "services: enable at least one" }}{{ end -}}
{{ sortAlpha $enabled | join "," }}
{{- end }}

{{- /* The namespaces that are watched, comma-separated; empty for all. */}}
{{- define "ack.namespaces" -}}
{{- if eq .Values.installScope "namespace" -}}
{{ .Values.watchNamespace | default .Release.Namespace | nospace }}
{{- end -}}
{{- end }}

{{- define "ack.leaseNamespace" -}}
{{ .Values.leaderElection.namespace | default .Release.Namespace }}
{{- end }}
